//! The simulated network itself: what it promises to the tests that stand on it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use offhook_core::time::Instant;
use offhook_core::transport::{FlowChange, FlowErrorKind, FlowInfo, Path, Transport};
use offhook_tests::net::echo::{Echo, Heard};
use offhook_tests::net::{Answer, Conditions, Fate, Network, Node, Verdict};
use offhook_tests::text::expect;

const MS: Duration = Duration::from_millis(1);

fn pair(seed: u64, conditions: Conditions) -> (Network, Node<Echo>, Node<Echo>) {
    let mut net = Network::new(seed, conditions);
    let alice = net.add("alice", Echo::new("hello"));
    let bob = net.add("bob", Echo::new("good day"));
    net.bind_udp(alice, 5060);
    net.bind_udp(bob, 5060);
    (net, alice, bob)
}

fn say(net: &mut Network, from: Node<Echo>, to: Node<Echo>) {
    let address = net.address(to, 5060);
    net.with(from, |echo, now| echo.say(now, address));
}

fn words(net: &Network, node: Node<Echo>) -> Vec<(u64, String)> {
    let heard = net.events(node).iter().filter_map(|(at, event)| match event {
        Heard::Words(_, words) => Some((at.as_millis(), words.to_string())),
        _ => None,
    });
    heard.collect()
}

fn changes(net: &Network, node: Node<Echo>) -> Vec<(u64, FlowChange)> {
    let changed = net.events(node).iter().filter_map(|(at, event)| match event {
        Heard::Changed(_, change) => Some((at.as_millis(), change.clone())),
        _ => None,
    });
    changed.collect()
}

fn failures(net: &Network, node: Node<Echo>) -> Vec<(u64, FlowErrorKind)> {
    let failed = changes(net, node).into_iter().filter_map(|(at, change)| match change {
        FlowChange::Failed(error) => Some((at, error.kind)),
        _ => None,
    });
    failed.collect()
}

fn heard(at: u64, words: &str) -> (u64, String) {
    (at, words.to_owned())
}

#[test]
fn a_datagram_takes_the_latency_each_way() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(7 * MS));
    say(&mut net, alice, bob);
    net.run_until_idle();
    assert_eq!(words(&net, bob), [heard(7, "hello")]);
    assert_eq!(words(&net, alice), [heard(14, "re: hello")]);
    assert_eq!(net.now(), Instant::from_millis(14));
    assert_eq!(net.events(bob)[0].1, Heard::Words(net.address(alice, 5060), "hello".into()));
}

#[test]
fn a_machine_is_called_at_the_millisecond_it_asked_for() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(5 * MS));
    let to = net.address(bob, 5060);
    net.with(alice, |echo, _| echo.say_at(Instant::from_millis(32_000), to));
    net.run_until(Instant::from_millis(31_999));
    assert!(net.trace().is_empty());
    net.run_for(MS);
    assert_eq!(net.sent(alice, bob), [heard(32_000, "\"hello\"")]);
    assert!(words(&net, bob).is_empty());
    assert!(net.drive(|net| !words(net, bob).is_empty(), 5 * MS));
    assert_eq!(net.now(), Instant::from_millis(32_005));
}

#[test]
fn driving_stops_at_its_limit_and_leaves_what_comes_later_for_later() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(50 * MS));
    say(&mut net, alice, bob);
    assert!(!net.drive(|net| !words(net, bob).is_empty(), 49 * MS));
    assert_eq!(net.now(), Instant::from_millis(49));
    assert!(net.drive(|net| !words(net, bob).is_empty(), MS));
}

fn bad_day(seed: u64) -> Network {
    let (mut net, alice, bob) = pair(seed, Conditions::bad());
    for _ in 0..200 {
        say(&mut net, alice, bob);
        say(&mut net, bob, alice);
        net.run_for(5 * MS);
    }
    net.run_until_idle();
    net
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    assert_eq!(bad_day(3).trace(), bad_day(3).trace());
    assert_ne!(bad_day(3).trace(), bad_day(4).trace());
}

#[test]
fn faults_come_about_as_often_as_asked_for() {
    let net = bad_day(5);
    let all = net.trace().len();
    let with = |fate| net.trace().iter().filter(|hop| hop.fate == fate).count();
    let tenth = all / 20..all / 5;
    assert!(tenth.contains(&with(Fate::Lost)), "{} of {all} lost", with(Fate::Lost));
    assert!(tenth.contains(&with(Fate::Twice)), "{} of {all} twice", with(Fate::Twice));
    let arrivals: Vec<_> = net.trace().iter().filter_map(|hop| Some((hop.from, hop.arrives?))).collect();
    let overtaken =
        arrivals.windows(8).filter(|few| few[1..].iter().any(|x| x.0 == few[0].0 && x.1 < few[0].1)).count();
    assert!(overtaken > 0);
}

#[test]
fn jitter_alone_keeps_the_order() {
    let (mut net, alice, bob) = pair(6, Conditions { jitter: 90 * MS, ..Conditions::latency(10 * MS) });
    for _ in 0..100 {
        say(&mut net, alice, bob);
        net.run_for(MS);
    }
    let mut last = None;
    for hop in net.trace().iter().filter(|hop| hop.from == alice.id()) {
        assert!(hop.arrives >= last);
        last = hop.arrives;
    }
}

#[test]
fn links_can_differ_also_by_direction() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(10 * MS));
    net.set_link_one_way(bob, alice, Conditions::latency(100 * MS));
    say(&mut net, alice, bob);
    net.run_until_idle();
    assert_eq!(words(&net, alice), [heard(110, "re: hello")]);
}

#[test]
fn datagrams_are_lost_in_a_cut_also_those_on_their_way() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(10 * MS));
    say(&mut net, alice, bob);
    net.run_for(5 * MS);
    net.isolate(bob);
    say(&mut net, alice, bob);
    net.run_for(20 * MS);
    net.rejoin(bob);
    say(&mut net, alice, bob);
    net.run_until_idle();
    let fates: Vec<Fate> = net.trace().iter().map(|hop| hop.fate).collect();
    assert_eq!(fates, [Fate::Cut, Fate::Cut, Fate::Arrives, Fate::Arrives]);
    assert_eq!(words(&net, bob), [heard(35, "hello")]);
}

#[test]
fn a_test_can_interfere_with_single_messages() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(10 * MS));
    let mut count = 0;
    net.interfere(move |packet| {
        count += usize::from(packet.label() == "\"hello\"");
        match (packet.label().as_str(), count) {
            ("\"hello\"", 1) => Verdict::Lose,
            ("\"hello\"", 2) => Verdict::Delay(70 * MS),
            ("\"hello\"", 3) => Verdict::Twice,
            _ => Verdict::Pass,
        }
    });
    for _ in 0..3 {
        say(&mut net, alice, bob);
    }
    net.run_until_idle();
    assert_eq!(words(&net, bob), [heard(10, "hello"), heard(10, "hello"), heard(80, "hello")]);
}

#[test]
fn a_connection_opens_carries_words_and_closes() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(10 * MS));
    net.listen(bob, Transport::Ws, 80);
    let path = net.with(alice, |echo, _| echo.connect(Transport::Ws, "bob", 80));
    net.run_until_idle();
    let (mine, theirs) = (SocketAddr::new(net.address(alice, 0).ip(), 40_000), net.address(bob, 80));
    let opened = FlowInfo { transport: Transport::Ws, local: theirs, remote: Some(mine) };
    assert_eq!(net.events(bob)[0], (Instant::from_millis(10), Heard::Opened(opened)));
    assert_eq!(changes(&net, alice), [(20, FlowChange::Connected { local: mine, remote: theirs })]);
    assert_eq!(words(&net, bob), [heard(30, "hello")]);
    assert_eq!(words(&net, alice), [heard(40, "re: hello")]);
    assert_eq!(net.connections(alice), [path.flow]);

    net.with(alice, |echo, _| {
        echo.say_on(path);
        echo.close(path.flow);
    });
    net.run_until_idle();
    assert_eq!(words(&net, bob).len(), 2, "what was said before the end arrives");
    assert_eq!(changes(&net, bob), [(50, FlowChange::Closed)]);
    assert!(net.connections(bob).is_empty());
    expect(
        &net.ladder(),
        r#"
              ms  alice               bob
               0  |------WS open----->|
              20  |------"hello"----->|
              30  |<---"re: hello"----|
              40  |------"hello"----->|
              40  |-----WS close----->|
              50  |    x--"re: hello"-|      nobody there
        "#,
    );
}

#[test]
fn a_connection_nobody_accepts_is_refused() {
    let (mut net, alice, _bob) = pair(1, Conditions::latency(10 * MS));
    net.with(alice, |echo, _| echo.connect(Transport::Ws, "bob", 80));
    net.run_until_idle();
    assert_eq!(failures(&net, alice), [(20, FlowErrorKind::Refused)]);
}

#[test]
fn a_connection_without_an_answer_times_out() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(10 * MS));
    net.listen(bob, Transport::Ws, 80);
    net.cut(alice, bob);
    net.with(alice, |echo, _| echo.connect(Transport::Ws, "bob", 80));
    net.with(alice, |echo, _| echo.connect(Transport::Ws, "192.0.2.1", 80));
    net.with(alice, |echo, _| echo.connect(Transport::Ws, "nobody.example", 80));
    net.run_until_idle();
    let expected = [(5, FlowErrorKind::Unresolved), (20_000, FlowErrorKind::Timeout), (20_000, FlowErrorKind::Timeout)];
    assert_eq!(failures(&net, alice), expected);
}

#[test]
fn nothing_overtakes_on_a_connection_and_nothing_is_lost() {
    let (mut net, alice, bob) = pair(9, Conditions::bad());
    net.listen(bob, Transport::Ws, 80);
    let path = net.with(alice, |echo, _| echo.connect(Transport::Ws, "bob", 80));
    for _ in 0..50 {
        net.run_for(MS);
        net.with(alice, |echo, _| echo.say_on(path));
    }
    net.run_until_idle();
    assert_eq!(words(&net, bob).len(), 51);
    assert!(words(&net, bob).is_sorted_by_key(|(at, _)| *at));
}

#[test]
fn a_stream_comes_in_pieces() {
    let (mut net, alice, bob) = pair(1, Conditions { segment: 2, ..Conditions::latency(10 * MS) });
    net.listen(bob, Transport::Tcp, 5060);
    net.with(alice, |echo, _| echo.connect(Transport::Tcp, "bob", 5060));
    net.run_until(Instant::from_millis(30));
    assert_eq!(words(&net, bob), [heard(30, "he"), heard(30, "ll"), heard(30, "o")]);
}

#[test]
fn a_connection_stands_still_in_a_cut_and_moves_on_in_order() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(10 * MS));
    net.listen(bob, Transport::Ws, 80);
    let path = net.with(alice, |echo, _| echo.connect(Transport::Ws, "bob", 80));
    net.run_until_idle();
    net.take_events(bob);
    net.cut(alice, bob);
    net.with(alice, |echo, _| echo.say_on(path)); // at 40
    net.run_for(15 * MS);
    net.with(alice, |echo, _| {
        echo.say_on(path); // on its way when the cut heals
        echo.close(path.flow);
    });
    net.run_for(5 * MS);
    net.heal(alice, bob); // at 60
    net.run_until_idle();
    assert_eq!(words(&net, bob), [heard(70, "hello"), heard(70, "hello")]);
    assert_eq!(changes(&net, bob), [(70, FlowChange::Closed)]);
}

#[test]
fn a_connection_breaks_for_both_or_for_one() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(10 * MS));
    net.listen(bob, Transport::Ws, 80);
    let first = net.with(alice, |echo, _| echo.connect(Transport::Ws, "bob", 80));
    let second = net.with(alice, |echo, _| echo.connect(Transport::Ws, "bob", 80));
    net.run_until_idle();
    net.take_events(bob);
    net.break_connection(alice, first.flow);
    assert_eq!(failures(&net, alice), [(40, FlowErrorKind::Lost)]);
    assert_eq!(failures(&net, bob), [(40, FlowErrorKind::Lost)]);

    let theirs = net.connections(bob)[0];
    net.break_one_side(bob, theirs);
    net.with(alice, |echo, _| echo.say_on(second));
    net.run_until_idle();
    assert_eq!(failures(&net, bob).len(), 2);
    assert_eq!(failures(&net, alice).len(), 1, "alice believes in the second connection");
    assert!(words(&net, bob).is_empty());
}

#[test]
fn a_stopped_node_closes_its_connections_and_is_not_called_again() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(10 * MS));
    net.listen(bob, Transport::Ws, 80);
    net.with(alice, |echo, _| echo.connect(Transport::Ws, "bob", 80));
    net.run_until_idle();
    let before = net.events(bob).len();
    net.stop(bob);
    say(&mut net, alice, bob);
    net.run_until_idle();
    assert_eq!(changes(&net, alice).last(), Some(&(50, FlowChange::Closed)));
    assert_eq!(net.events(bob).len(), before);
    assert_eq!(net.trace().last().map(|hop| hop.fate), Some(Fate::Nobody));
}

#[test]
fn a_browser_sees_no_addresses() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(10 * MS));
    net.is_browser(alice);
    net.listen(bob, Transport::Ws, 80);
    net.with(alice, |echo, _| echo.connect(Transport::Ws, "bob", 80));
    net.run_until_idle();
    let unknown = FlowChange::Connected { local: Path::UNKNOWN, remote: Path::UNKNOWN };
    assert_eq!(changes(&net, alice)[0].1, unknown);
    assert_eq!(
        net.events(alice).last().map(|(_, event)| event.clone()),
        Some(Heard::Words(Path::UNKNOWN, "re: hello".into()))
    );
}

#[test]
fn a_nat_hides_the_address_and_lets_in_only_answers() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(10 * MS));
    let public: IpAddr = [198, 51, 100, 1].into();
    net.behind_nat(alice, public);
    let outside = SocketAddr::new(public, 15_060);
    net.with(bob, |echo, now| echo.say(now, outside));
    net.run_until_idle();
    assert!(words(&net, alice).is_empty(), "nothing went out yet");
    say(&mut net, bob, alice);
    assert_eq!(net.trace().last().map(|hop| hop.fate), Some(Fate::Nobody), "the inner address leads nowhere");
    say(&mut net, alice, bob);
    net.run_until_idle();
    assert_eq!(net.events(bob)[0].1, Heard::Words(outside, "hello".into()));
    assert_eq!(words(&net, alice), [heard(30, "re: hello")]);
}

#[test]
fn names_lead_where_the_test_says() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(10 * MS));
    net.listen(bob, Transport::Ws, 80);
    let ip = net.address(bob, 0).ip();
    net.set_name("sip.example.com", Answer::Addresses(vec![ip]));
    net.set_name("broken.example.com", Answer::Fails(FlowErrorKind::Unresolved));
    net.with(alice, |echo, _| echo.connect(Transport::Ws, "SIP.example.com", 80));
    net.with(alice, |echo, _| echo.connect(Transport::Ws, "broken.example.com", 80));
    net.run_until_idle();
    assert_eq!(words(&net, bob).len(), 1);
    assert_eq!(failures(&net, alice), [(5, FlowErrorKind::Unresolved)]);
}

#[test]
fn a_ladder_shows_what_was_lost() {
    let (mut net, alice, bob) = pair(1, Conditions::latency(10 * MS));
    let carol = net.add("carol", Echo::new("hi"));
    net.bind_udp(carol, 5060);
    net.lose(1, |packet| packet.label() == "\"hello\"");
    say(&mut net, alice, carol);
    net.run_for(500 * MS);
    say(&mut net, alice, carol);
    net.run_until_idle();
    net.interfere(|_| Verdict::Twice);
    say(&mut net, carol, bob);
    net.with(bob, |echo, now| echo.say(now, ([192, 0, 2, 1], 5060).into()));
    expect(
        &net.ladder(),
        r#"
              ms  alice               bob                 carol
               0  |--------------"hello"-------------x    |      lost
             500  |----------------"hello"--------------->|
             510  |<-------------"re: hello"--------------|
             520  |                   |<------"hi"--------|      twice
             520  |                   |--"good day"--x    |      nobody there
        "#,
    );
}

#[test]
fn the_example_of_the_readme() {
    let mut net = Network::new(7, Conditions::default());
    let alice = net.add("alice", Echo::new("hello"));
    let bob = net.add("bob", Echo::new("hello yourself"));
    net.bind_udp(alice, 5060);
    net.bind_udp(bob, 5060);
    net.lose(1, |packet| packet.label() == "\"hello\"");
    let to = net.address(bob, 5060);
    net.with(alice, |echo, now| echo.say(now, to));
    net.run_for(Duration::from_millis(500));
    net.with(alice, |echo, now| echo.say(now, to));
    assert!(net.drive(|net| !net.events(alice).is_empty(), Duration::from_secs(1)));
    expect(
        &net.ladder(),
        r#"
              ms  alice               bob
               0  |----"hello"---x    |      lost
             500  |------"hello"----->|
             510  |<---"re: hello"----|
        "#,
    );
}
