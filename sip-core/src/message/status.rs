//! Status codes and their reason phrases (RFC 3261 section 21 and the IANA registry).

use std::fmt;

/// A status code, 100 to 699.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(u16);

impl StatusCode {
    /// `None` outside 100 to 699.
    pub const fn new(code: u16) -> Option<StatusCode> {
        if code >= 100 && code <= 699 { Some(StatusCode(code)) } else { None }
    }

    /// The number.
    pub const fn code(self) -> u16 {
        self.0
    }

    /// 1xx.
    pub const fn is_provisional(self) -> bool {
        self.0 < 200
    }

    /// 2xx to 6xx.
    pub const fn is_final(self) -> bool {
        self.0 >= 200
    }

    /// 2xx.
    pub const fn is_success(self) -> bool {
        self.0 >= 200 && self.0 < 300
    }

    /// 3xx.
    pub const fn is_redirect(self) -> bool {
        self.0 >= 300 && self.0 < 400
    }

    /// 3xx to 6xx: a final answer that is not a success.
    pub const fn is_failure(self) -> bool {
        self.0 >= 300
    }
}

impl fmt::Display for StatusCode {
    /// The code and its phrase: `486 Busy Here`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.reason())
    }
}

macro_rules! statuses {
    ($($name:ident $code:literal $reason:literal $rfc:literal)*) => {
        impl StatusCode {
            $(
                #[doc = concat!("`", $code, " ", $reason, "` (", $rfc, ").")]
                pub const $name: StatusCode = StatusCode($code);
            )*

            /// The registered reason phrase; for a code nobody registered, that of its class's x00 code
            /// (RFC 3261 section 8.1.3.2).
            pub fn reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)*
                    101..=199 => "Session Progress",
                    201..=299 => "OK",
                    301..=399 => "Multiple Choices",
                    401..=499 => "Bad Request",
                    501..=599 => "Server Internal Error",
                    _ => "Busy Everywhere",
                }
            }

            /// Code and registered reason phrase, of those that have a name.
            pub(crate) fn line(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some(concat!($code, " ", $reason)),)*
                    _ => None,
                }
            }

            #[cfg(test)]
            const ALL: &'static [StatusCode] = &[$(StatusCode::$name),*];
        }
    };
}

statuses! {
    TRYING 100 "Trying" "RFC 3261"
    RINGING 180 "Ringing" "RFC 3261"
    CALL_IS_BEING_FORWARDED 181 "Call Is Being Forwarded" "RFC 3261"
    QUEUED 182 "Queued" "RFC 3261"
    SESSION_PROGRESS 183 "Session Progress" "RFC 3261"
    EARLY_DIALOG_TERMINATED 199 "Early Dialog Terminated" "RFC 6228"
    OK 200 "OK" "RFC 3261"
    ACCEPTED 202 "Accepted" "RFC 6665"
    NO_NOTIFICATION 204 "No Notification" "RFC 5839"
    MULTIPLE_CHOICES 300 "Multiple Choices" "RFC 3261"
    MOVED_PERMANENTLY 301 "Moved Permanently" "RFC 3261"
    MOVED_TEMPORARILY 302 "Moved Temporarily" "RFC 3261"
    USE_PROXY 305 "Use Proxy" "RFC 3261"
    ALTERNATIVE_SERVICE 380 "Alternative Service" "RFC 3261"
    BAD_REQUEST 400 "Bad Request" "RFC 3261"
    UNAUTHORIZED 401 "Unauthorized" "RFC 3261"
    PAYMENT_REQUIRED 402 "Payment Required" "RFC 3261"
    FORBIDDEN 403 "Forbidden" "RFC 3261"
    NOT_FOUND 404 "Not Found" "RFC 3261"
    METHOD_NOT_ALLOWED 405 "Method Not Allowed" "RFC 3261"
    NOT_ACCEPTABLE 406 "Not Acceptable" "RFC 3261"
    PROXY_AUTHENTICATION_REQUIRED 407 "Proxy Authentication Required" "RFC 3261"
    REQUEST_TIMEOUT 408 "Request Timeout" "RFC 3261"
    GONE 410 "Gone" "RFC 3261"
    CONDITIONAL_REQUEST_FAILED 412 "Conditional Request Failed" "RFC 3903"
    REQUEST_ENTITY_TOO_LARGE 413 "Request Entity Too Large" "RFC 3261"
    REQUEST_URI_TOO_LONG 414 "Request-URI Too Long" "RFC 3261"
    UNSUPPORTED_MEDIA_TYPE 415 "Unsupported Media Type" "RFC 3261"
    UNSUPPORTED_URI_SCHEME 416 "Unsupported URI Scheme" "RFC 3261"
    UNKNOWN_RESOURCE_PRIORITY 417 "Unknown Resource-Priority" "RFC 4412"
    BAD_EXTENSION 420 "Bad Extension" "RFC 3261"
    EXTENSION_REQUIRED 421 "Extension Required" "RFC 3261"
    SESSION_INTERVAL_TOO_SMALL 422 "Session Interval Too Small" "RFC 4028"
    INTERVAL_TOO_BRIEF 423 "Interval Too Brief" "RFC 3261"
    BAD_LOCATION_INFORMATION 424 "Bad Location Information" "RFC 6442"
    BAD_ALERT_MESSAGE 425 "Bad Alert Message" "RFC 8876"
    USE_IDENTITY_HEADER 428 "Use Identity Header" "RFC 8224"
    PROVIDE_REFERRER_IDENTITY 429 "Provide Referrer Identity" "RFC 3892"
    FLOW_FAILED 430 "Flow Failed" "RFC 5626"
    ANONYMITY_DISALLOWED 433 "Anonymity Disallowed" "RFC 5079"
    BAD_IDENTITY_INFO 436 "Bad Identity Info" "RFC 8224"
    UNSUPPORTED_CREDENTIAL 437 "Unsupported Credential" "RFC 8224"
    INVALID_IDENTITY_HEADER 438 "Invalid Identity Header" "RFC 8224"
    FIRST_HOP_LACKS_OUTBOUND_SUPPORT 439 "First Hop Lacks Outbound Support" "RFC 5626"
    MAX_BREADTH_EXCEEDED 440 "Max-Breadth Exceeded" "RFC 5393"
    BAD_INFO_PACKAGE 469 "Bad Info Package" "RFC 6086"
    CONSENT_NEEDED 470 "Consent Needed" "RFC 5360"
    TEMPORARILY_UNAVAILABLE 480 "Temporarily Unavailable" "RFC 3261"
    CALL_DOES_NOT_EXIST 481 "Call/Transaction Does Not Exist" "RFC 3261"
    LOOP_DETECTED 482 "Loop Detected" "RFC 3261"
    TOO_MANY_HOPS 483 "Too Many Hops" "RFC 3261"
    ADDRESS_INCOMPLETE 484 "Address Incomplete" "RFC 3261"
    AMBIGUOUS 485 "Ambiguous" "RFC 3261"
    BUSY_HERE 486 "Busy Here" "RFC 3261"
    REQUEST_TERMINATED 487 "Request Terminated" "RFC 3261"
    NOT_ACCEPTABLE_HERE 488 "Not Acceptable Here" "RFC 3261"
    BAD_EVENT 489 "Bad Event" "RFC 6665"
    REQUEST_PENDING 491 "Request Pending" "RFC 3261"
    UNDECIPHERABLE 493 "Undecipherable" "RFC 3261"
    SECURITY_AGREEMENT_REQUIRED 494 "Security Agreement Required" "RFC 3329"
    SERVER_INTERNAL_ERROR 500 "Server Internal Error" "RFC 3261"
    NOT_IMPLEMENTED 501 "Not Implemented" "RFC 3261"
    BAD_GATEWAY 502 "Bad Gateway" "RFC 3261"
    SERVICE_UNAVAILABLE 503 "Service Unavailable" "RFC 3261"
    SERVER_TIMEOUT 504 "Server Time-out" "RFC 3261"
    VERSION_NOT_SUPPORTED 505 "Version Not Supported" "RFC 3261"
    MESSAGE_TOO_LARGE 513 "Message Too Large" "RFC 3261"
    PUSH_NOTIFICATION_SERVICE_NOT_SUPPORTED 555 "Push Notification Service Not Supported" "RFC 8599"
    PRECONDITION_FAILURE 580 "Precondition Failure" "RFC 3312"
    BUSY_EVERYWHERE 600 "Busy Everywhere" "RFC 3261"
    DECLINE 603 "Decline" "RFC 3261"
    DOES_NOT_EXIST_ANYWHERE 604 "Does Not Exist Anywhere" "RFC 3261"
    NOT_ACCEPTABLE_ANYWHERE 606 "Not Acceptable" "RFC 3261"
    UNWANTED 607 "Unwanted" "RFC 8197"
    REJECTED 608 "Rejected" "RFC 8688"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stay_in_their_range() {
        assert_eq!(StatusCode::new(99), None);
        assert_eq!(StatusCode::new(700), None);
        assert_eq!(StatusCode::new(699).map(StatusCode::code), Some(699));
        assert!(StatusCode::ALL.iter().all(|status| StatusCode::new(status.code()) == Some(*status)));
        assert!(StatusCode::ALL.is_sorted());
    }

    #[test]
    fn an_unknown_code_takes_the_phrase_of_its_class() {
        assert_eq!(StatusCode::new(499).unwrap().reason(), "Bad Request");
        assert_eq!(StatusCode::new(299).unwrap().reason(), "OK");
        assert_eq!(StatusCode::BUSY_HERE.to_string(), "486 Busy Here");
    }

    #[test]
    fn classes() {
        assert!(StatusCode::RINGING.is_provisional() && !StatusCode::RINGING.is_final());
        assert!(StatusCode::OK.is_success() && StatusCode::OK.is_final());
        assert!(StatusCode::USE_PROXY.is_redirect() && StatusCode::USE_PROXY.is_failure());
    }
}
