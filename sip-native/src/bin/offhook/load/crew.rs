//! All who call or answer: started, registered, let loose at one time, and brought home.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant as Clock};

use futures_util::future::join_all;
use offhook::core::endpoint::{Config, Endpoint, OpId, Server, SessionTimerMode};
use offhook::core::sdp::negotiate::{Capabilities, Local, offer};
use offhook::core::time::Instant;
use offhook::core::transport::{Sharding, Transport};
use offhook::{Driver, Handle};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::answerer::{Answerer, Manner};
use super::caller::{Caller, Plan};
use super::machine::{Role, Told, Worker};
use super::report::Progress;
use super::tally::Tally;
use super::{Args, FAREWELL};
use crate::failure::{Code, Failure};
use crate::options::{Account, Listen, Protocol, Seconds, Way};
use crate::session::Interrupts;

/// How many register at a time.
const TOGETHER: usize = 100;

/// More of everything than any load takes.
const PLENTY: usize = 10_000_000;

/// From the order to begin to the first call: the same for everybody.
const READY: Duration = Duration::from_millis(20);

/// The port that offers name; nothing is sent there or from there.
const PORT: u16 = 40_000;

/// One of the crew: a user on a socket of its own, or one shard of a user.
struct Hand<R: Role> {
    handle: Handle<Worker<R>>,
    told: mpsc::UnboundedReceiver<Told>,
    /// It registers for its user.
    registers: bool,
}

impl<R: Role> Hand<R> {
    /// Starts a user: one role with its endpoint, or several that share its calls, each on a task of its own.
    fn start(args: &Args, config: Config, roles: Vec<R>, places: Vec<Listen>) -> Result<Vec<Hand<R>>, Failure> {
        let seed = || offhook::seed().map_err(|error| Failure::io("no randomness", &error));
        let sharding = Sharding::new(roles.len(), seed()?);
        let configs = if roles.len() > 1 { config.sharded(&sharding) } else { vec![config] };
        let (mut workers, mut senders, mut receivers) = (Vec::new(), Vec::new(), Vec::new());
        for (role, config) in roles.into_iter().zip(configs) {
            workers.push(Worker::new(role, Endpoint::new(config, seed()?)));
            let (sender, told) = mpsc::unbounded_channel();
            senders.push(sender);
            receivers.push(told);
        }
        let driver = args.shared.network.sockets(places)?.apply(Driver::sharded(workers, sharding));
        let handles = driver.spawn_shards(move |index, told| {
            // Whoever does not listen any more has gone home.
            let _ = senders.get(index).map(|sender: &mpsc::UnboundedSender<Told>| sender.send(told));
        });
        let handles = handles.map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
        let hands = handles.into_iter().zip(receivers).enumerate();
        Ok(hands.map(|(index, (handle, told))| Hand { handle, told, registers: index == 0 }).collect())
    }

    /// Begins an operation and waits for its end.
    async fn operate(&mut self, begin: fn(&mut Endpoint, Instant) -> OpId) -> Result<(), Failure> {
        let stopped = || Failure::new(Code::Failed, "the agent has stopped");
        let op = self.handle.run(move |worker, now| begin(&mut worker.desk.endpoint, now)).await;
        let op = op.map_err(|_| stopped())?;
        while let Some(told) = self.told.recv().await {
            match told {
                Told::Done(done, result) if done == op => return Ok(result?),
                _ => {}
            }
        }
        Err(stopped())
    }

    /// Opens the way to the server, and registers.
    async fn get_ready(&mut self, register: bool) -> Result<(), Failure> {
        self.operate(Endpoint::connect).await?;
        if register && self.registers {
            self.operate(Endpoint::register).await?;
        }
        Ok(())
    }

    /// Unregisters and closes everything.
    async fn go_home(self) {
        // One that has stopped is at home.
        let _ = self.handle.post(|worker, now| _ = worker.desk.endpoint.shutdown(now, FAREWELL));
        let _ = timeout(FAREWELL, self.handle.stopped()).await;
        self.handle.stop();
    }
}

/// Places calls. True: it was interrupted.
pub(super) async fn call(args: &Args, target: &str, tally: &Tally) -> Result<bool, Failure> {
    let way = Way::find(&args.shared, Some(target)).await?;
    let callers = args.users * args.connections;
    let places = |_| match &way.there {
        _ if !args.shared.network.bind.is_empty() => args.shared.network.bind.clone(),
        Some(server) if server.transport() != Transport::Udp => Vec::new(),
        _ => vec![Listen { protocol: Protocol::Udp, address: SocketAddr::new(way.local, 0) }],
    };
    let at_once = args.offered.at_once.map_or(usize::MAX, |most| most / usize::try_from(callers).unwrap_or(usize::MAX));
    if at_once == 0 {
        return Err(Failure::usage("--at-once is less than there are callers (--users times --connections)"));
    }
    let mut crew = Vec::new();
    for place in 0..callers {
        let config = config(args, &way, place / args.connections)?;
        let plan = Plan {
            what: args.offered.what,
            schedule: args.schedule(),
            place,
            callers,
            target: target.to_owned(),
            offer: offer(&Capabilities::default(), &Local::new(way.local, PORT)).to_bytes(),
            length: args.call_length.map_or(Duration::ZERO, |Seconds(length)| length),
            patience: args.offered.timeout.map(|Seconds(long)| long),
            at_once,
            headers: args.offered.headers.iter().map(|h| (h.name.clone(), h.value.clone())).collect(),
        };
        crew.extend(Hand::start(args, config, vec![Caller::new(plan, tally.clone())], places(place))?);
    }
    let begin = |hand: &Hand<Caller>, clock: Clock| {
        // One that has stopped has said so.
        let _ = hand.handle.post(move |worker, now| {
            let now = now + clock.saturating_duration_since(Clock::now());
            worker.role.begin(now, clock, &mut worker.desk);
        });
    };
    let stop = |handle: &Handle<Worker<Caller>>| {
        let _ = handle.post(|worker, now| worker.role.stop(now, &mut worker.desk));
    };
    work(args, crew, tally, begin, stop).await
}

/// Answers calls. True: it was interrupted.
pub(super) async fn answer(args: &Args, tally: &Tally) -> Result<bool, Failure> {
    let way = Way::find(&args.shared, None).await?;
    let network = &args.shared.network;
    let places = match &way.there {
        _ if !network.bind.is_empty() => network.bind.clone(),
        Some(server) if server.transport() != Transport::Udp => Vec::new(),
        Some(_) => vec![Listen { protocol: Protocol::Udp, address: SocketAddr::new(way.local, 0) }],
        None => vec![Listen { protocol: Protocol::Udp, address: (Ipv4Addr::UNSPECIFIED, 5060).into() }],
    };
    if args.users > 1 && places.iter().any(|place| place.address.port() != 0) {
        return Err(Failure::usage("--bind: several users cannot share a port; port 0 lets the system choose"));
    }
    // The address that answers name: ours on the way, else where it listens.
    let bound = places.iter().map(|place| place.address.ip()).find(|address| !address.is_unspecified());
    let address = if way.local.is_unspecified() { bound.unwrap_or(Ipv4Addr::LOCALHOST.into()) } else { way.local };
    let manner = Manner {
        ring: args.answered.ring.0,
        length: args.call_length.map(|Seconds(length)| length),
        refuse: args.answered.refuse,
        count: args.calls,
        address,
    };
    let mut crew = Vec::new();
    for user in 0..args.users {
        let shards = if args.users == 1 { args.threads.min(Sharding::MOST) } else { 1 };
        let answerers = Answerer::several(&manner, tally, shards);
        crew.extend(Hand::start(args, config(args, &way, user)?, answerers, places.clone())?);
    }
    if !args.quiet {
        for listen in crew.iter().take(1).flat_map(|hand| hand.handle.local_addrs()) {
            let transport = listen.transport.via().to_ascii_lowercase();
            eprintln!("offhook load: answering at {transport}:{}", listen.addr);
        }
    }
    let begin = |hand: &Hand<Answerer>, _| {
        // One that has stopped has said so.
        let _ = hand.handle.post(|worker, _| worker.role.begin());
    };
    let stop = |handle: &Handle<Worker<Answerer>>| {
        let _ = handle.post(|worker, now| worker.role.stop(now, &mut worker.desk));
    };
    work(args, crew, tally, begin, stop).await
}

/// Gets everybody ready, lets them work until they are done or are stopped, and sends them home.
async fn work<R: Role>(
    args: &Args,
    mut crew: Vec<Hand<R>>,
    tally: &Tally,
    begin: impl Fn(&Hand<R>, Clock),
    stop: impl Fn(&Handle<Worker<R>>),
) -> Result<bool, Failure> {
    let mut interrupts = Interrupts::new().map_err(|error| Failure::io("no signals", &error))?;
    for part in crew.chunks_mut(TOGETHER) {
        let ready = join_all(part.iter_mut().map(|hand| hand.get_ready(args.register)));
        let ready = tokio::select! {
            ready = ready => ready,
            () = interrupts.next() => return Err(Failure::interrupted()),
        };
        ready.into_iter().collect::<Result<(), Failure>>()?;
    }
    let clock = Clock::now() + READY;
    if !args.answer {
        tally.counts().begin = Some(clock);
    }
    crew.iter().for_each(|hand| begin(hand, clock));
    // An answering side ends when its time is over; a calling one when its last call is.
    let time = args.duration.filter(|_| args.answer).map(|Seconds(long)| long);
    let over = async {
        match time {
            Some(long) => sleep(long).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(over);
    let mut progress = Progress::new(args.quiet);
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.tick().await;
    let (mut interrupted, mut stopping) = (false, false);
    let handles: Vec<_> = crew.iter().map(|hand| hand.handle.clone()).collect();
    let mut everybody =
        Box::pin(join_all(crew.iter_mut().map(|hand| async {
            while hand.told.recv().await.is_some_and(|told| !matches!(told, Told::Finished)) {}
        })));
    loop {
        tokio::select! {
            _ = &mut everybody => break,
            _ = ticks.tick() => progress.show(&tally.counts(), clock.elapsed()),
            () = &mut over, if !stopping => {
                stopping = true;
                handles.iter().for_each(&stop);
            }
            () = interrupts.next() => {
                // The second one does not wait.
                if interrupted {
                    break;
                }
                (interrupted, stopping) = (true, true);
                handles.iter().for_each(&stop);
            }
        }
    }
    drop((handles, everybody));
    tally.counts().close_second();
    progress.end();
    join_all(crew.into_iter().map(Hand::go_home)).await;
    Ok(interrupted)
}

/// The settings of a user: more of everything than an agent of one person has.
fn config(args: &Args, way: &Way, user: u64) -> Result<Config, Failure> {
    let mut account: Account = args.shared.account.clone();
    account.number(user + 1)?;
    let mut config = way.config(&account)?;
    config.server = account.server.as_deref().map(Server::parse).transpose()?;
    config.check()?;
    config.avoid_failing = false;
    config.session_timers.mode = SessionTimerMode::Never;
    let limits = &mut config.limits;
    (limits.calls, limits.outgoing, limits.server_transactions) = (PLENTY, PLENTY, PLENTY);
    limits.history = 4;
    limits.message_rate = None;
    Ok(config)
}
