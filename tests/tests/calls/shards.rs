//! Several endpoints of one user agent side by side: what the first tells the others meets what their drivers tell them. The
//! test plays the drivers and the servers.

use offhook_core::endpoint::{Config, Endpoint, Server};
use offhook_core::transport::{FlowChange, FlowId, FlowInfo, Machine, Path, Sharding, Transport};
use offhook_tests::endpoint::Solo;

/// Two shards with two connections to the server, both of which are up and known to both.
struct Two {
    first: Solo,
    second: Solo,
    flows: [FlowId; 2],
}

impl Two {
    fn new() -> Two {
        let mut config = Config::new("sip:bob@example.com").expect("an address of record");
        config.server = Some(Server::parse("sip:192.0.2.1;transport=tcp").expect("a server"));
        config.more_servers = vec![Server::parse("sip:192.0.2.2;transport=tcp").expect("a server")];
        config.flows = 2;
        let mut shards = config.sharded(&Sharding::new(2, [7; 32])).into_iter();
        let mut shard = || Solo::with(|config| *config = shards.next().expect("a shard"));
        let mut two = Two { first: shard(), second: shard(), flows: [FlowId::from_number(0); 2] };
        two.first.act(Endpoint::register);
        let opened = two.first.all_opened();
        assert_eq!(opened.len(), 2);
        for (index, (flow, _)) in opened.into_iter().enumerate() {
            two.come_up(index, flow);
        }
        two.tell();
        let [flow, _] = two.flows;
        two.second.path = Path { flow, remote: ([192, 0, 2, 1], 5060).into() };
        two
    }

    /// A connection comes up. The driver of the first shares it.
    fn come_up(&mut self, index: usize, flow: FlowId) {
        let port = 40_000 + u16::try_from(flow.number()).expect("few flows");
        let (local, remote) = (([192, 0, 2, 9], port).into(), ([192, 0, 2, 1], 5060).into());
        let info = FlowInfo { transport: Transport::Tcp, local, remote: Some(remote) };
        self.second.act(|endpoint, now| endpoint.flow_shared(now, flow, info));
        self.first.change(flow, FlowChange::Connected { local, remote });
        if let Some(kept) = self.flows.get_mut(index) {
            *kept = flow;
        }
    }

    /// The second hears what the first has told.
    fn tell(&mut self) {
        for note in self.first.notes() {
            self.second.act(|endpoint, now| endpoint.noted(now, note));
        }
    }

    /// The next connection that the first asks for, once it is due.
    fn next_opened(&mut self) -> FlowId {
        let before = self.first.all_opened().len();
        while self.first.all_opened().len() == before {
            let due = self.first.endpoint.poll_timeout().expect("it goes on trying").as_millis();
            self.first.at(due);
            self.second.at(due);
        }
        self.first.opened().0
    }
}

#[test]
fn a_call_goes_on_over_the_other_way_whoever_tells_first_that_its_own_is_lost() {
    for driver_first in [true, false] {
        let mut two = Two::new();
        let [lost, other] = two.flows;
        two.second.established();
        two.second.fresh();
        two.first.lose(lost);
        if driver_first {
            two.second.lose(lost);
            two.tell();
        } else {
            two.tell();
            two.second.lose(lost);
        }
        assert_eq!(two.second.fresh(), ["INVITE"], "driver first: {driver_first}");
        assert_eq!(two.second.last_path("INVITE").flow, other);
    }
}

#[test]
fn a_call_goes_on_over_a_new_way_that_is_heard_of_before_the_loss_of_its_own() {
    let mut two = Two::new();
    let [lost, other] = two.flows;
    two.second.established();
    two.second.fresh();
    two.first.lose(lost);
    two.first.lose(other);
    let flow = two.next_opened();
    two.come_up(0, flow);
    two.tell();
    assert!(two.second.fresh().is_empty(), "it still has its way");
    two.second.lose(lost);
    assert_eq!(two.second.fresh(), ["INVITE"]);
    assert_eq!(two.second.last_path("INVITE").flow, flow);
}
