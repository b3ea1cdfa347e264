/* The C peers on the same work: c-peers sofia-sip|osip2 parse|build_200 MESSAGE TURNS
 * Prints nanoseconds of wall time, of CPU time, and allocations, all of one turn. */
#include <osipparser2/osip_message.h>
#include <osipparser2/osip_parser.h>
/* Both name these. */
#undef SIP_406_NOT_ACCEPTABLE
#undef SIP_606_NOT_ACCEPTABLE
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/sip_status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void __libc_free(void *);
static unsigned long allocations;
/* Stands before the C library's for every library of the process. */
void *malloc(size_t n) { allocations++; return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { allocations++; return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { allocations++; return __libc_realloc(p, n); }
void free(void *p) { __libc_free(p); }

static const char METHODS[] = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, PRACK, UPDATE, SUBSCRIBE, NOTIFY, REFER";
static const char ANSWER[] =
    "v=0\r\no=bob 2890844527 2890844527 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    "m=audio 3456 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-15\r\na=sendrecv\r\n";

static char text[4096];
static size_t length;
static size_t written;

static void fail(const char *why) {
    fprintf(stderr, "c-peers: %s\n", why);
    exit(1);
}

static msg_t *sofia_read(void) {
    msg_t *msg = msg_make(sip_default_mclass(), 0, text, length);
    sip_t *sip = msg ? sip_object(msg) : NULL;
    if (!sip || !sip->sip_request || !sip->sip_via || !sip->sip_cseq || !sip->sip_contact) fail("sofia-sip: not read");
    return msg;
}

static void sofia_parse(void) { msg_destroy(sofia_read()); }

static msg_t *sofia_request;

static void sofia_build(void) {
    sip_t *request = sip_object(sofia_request);
    msg_t *msg = msg_create(sip_default_mclass(), 0);
    sip_t *sip = sip_object(msg);
    su_home_t *home = msg_home(msg);
    size_t size = 0;
    sip_add_dup(msg, sip, (sip_header_t *)sip_status_create(home, SIP_200_OK, NULL));
    sip_add_dup(msg, sip, (sip_header_t *)request->sip_via);
    sip_add_dup(msg, sip, (sip_header_t *)request->sip_record_route);
    sip_add_dup(msg, sip, (sip_header_t *)request->sip_from);
    sip_add_dup(msg, sip, (sip_header_t *)request->sip_to);
    sip_to_tag(home, sip->sip_to, "314159");
    sip_add_dup(msg, sip, (sip_header_t *)request->sip_call_id);
    sip_add_dup(msg, sip, (sip_header_t *)request->sip_cseq);
    sip_add_make(msg, sip, sip_contact_class, "<sip:bob@192.0.2.9:5060>");
    sip_add_make(msg, sip, sip_allow_class, METHODS);
    sip_add_make(msg, sip, sip_supported_class, "100rel, timer, replaces");
    sip_add_make(msg, sip, sip_content_type_class, "application/sdp");
    sip_add_dup(msg, sip, (sip_header_t *)sip_payload_create(home, ANSWER, sizeof ANSWER - 1));
    sip_add_dup(msg, sip, (sip_header_t *)sip_content_length_create(home, sizeof ANSWER - 1));
    if (msg_serialize(msg, (msg_pub_t *)sip) < 0 || !msg_as_string(home, msg, NULL, 0, &size)) fail("sofia-sip: not written");
    written = size;
    msg_destroy(msg);
}

static osip_message_t *osip_read(void) {
    osip_message_t *sip;
    if (osip_message_init(&sip) || osip_message_parse(sip, text, length)) fail("osip2: not read");
    return sip;
}

static void osip_parse(void) { osip_message_free(osip_read()); }

static osip_message_t *osip_request;

static void osip_build(void) {
    osip_message_t *sip;
    osip_list_iterator_t it;
    char *out = NULL, digits[16];
    osip_message_init(&sip);
    osip_message_set_version(sip, osip_strdup("SIP/2.0"));
    osip_message_set_status_code(sip, 200);
    osip_message_set_reason_phrase(sip, osip_strdup("OK"));
    for (osip_via_t *via = osip_list_get_first(&osip_request->vias, &it); via; via = osip_list_get_next(&it)) {
        osip_via_t *copy;
        osip_via_clone(via, &copy);
        osip_list_add(&sip->vias, copy, -1);
    }
    for (osip_record_route_t *rr = osip_list_get_first(&osip_request->record_routes, &it); rr; rr = osip_list_get_next(&it)) {
        osip_record_route_t *copy;
        osip_record_route_clone(rr, &copy);
        osip_list_add(&sip->record_routes, copy, -1);
    }
    osip_from_clone(osip_request->from, &sip->from);
    osip_to_clone(osip_request->to, &sip->to);
    osip_to_set_tag(sip->to, osip_strdup("314159"));
    osip_call_id_clone(osip_request->call_id, &sip->call_id);
    osip_cseq_clone(osip_request->cseq, &sip->cseq);
    osip_message_set_contact(sip, "<sip:bob@192.0.2.9:5060>");
    osip_message_set_allow(sip, METHODS);
    osip_message_set_header(sip, "Supported", "100rel, timer, replaces");
    osip_message_set_content_type(sip, "application/sdp");
    snprintf(digits, sizeof digits, "%zu", sizeof ANSWER - 1);
    osip_message_set_content_length(sip, digits);
    osip_message_set_body(sip, ANSWER, sizeof ANSWER - 1);
    if (osip_message_to_str(sip, &out, &written)) fail("osip2: not written");
    osip_free(out);
    osip_message_free(sip);
}

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc != 5) fail("c-peers sofia-sip|osip2 parse|build_200 MESSAGE TURNS");
    FILE *file = fopen(argv[3], "rb");
    if (!file || !(length = fread(text, 1, sizeof text - 1, file))) fail("no message");
    long turns = atol(argv[4]);
    int sofia = !strcmp(argv[1], "sofia-sip"), build = !strcmp(argv[2], "build_200");
    void (*turn)(void) = sofia ? (build ? sofia_build : sofia_parse) : (build ? osip_build : osip_parse);
    if (sofia) sofia_request = sofia_read();
    else parser_init(), osip_request = osip_read();
    turn();
    if (build && written < 700) fail("the response is too short");
    unsigned long before = allocations;
    double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    for (long n = 0; n < turns; n++) turn();
    wall = now(CLOCK_MONOTONIC) - wall, cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("%.1f %.1f %.2f\n", wall / turns, cpu / turns, (double)(allocations - before) / turns);
    return 0;
}
