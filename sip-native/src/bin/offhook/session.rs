//! A user agent for the time of one subcommand.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use offhook::{AgentEvent, Builder, StatusCode, UserAgent};
use tokio::signal;

use crate::failure::Failure;
use crate::options::{Listen, Protocol, Shared, Way};

/// How long saying goodbye may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Runs the work of a subcommand; a signal interrupts it.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::io("no runtime", &error))?;
    let result = runtime.block_on(work);
    // Something may still wait for a name that is looked up.
    runtime.shutdown_background();
    result
}

/// A user agent as the options have it.
pub(crate) struct Session {
    pub(crate) agent: UserAgent,
    /// The signals to stop.
    pub(crate) interrupts: Interrupts,
}

impl Session {
    /// Opens the way to the server, or to where that target is, and shows messages where that is wanted.
    pub(crate) async fn open(
        shared: &Shared,
        target: Option<&str>,
        verbose: bool,
        change: impl FnOnce(Builder) -> Builder,
    ) -> Result<Session, Failure> {
        let interrupts = Interrupts::new().map_err(|error| Failure::io("no signals", &error))?;
        let mut builder = change(builder(shared, target).await?);
        if verbose {
            builder = builder.trace();
        }
        let mut waits = interrupts;
        let agent = tokio::select! {
            agent = builder.connect() => agent?,
            () = waits.next() => return Err(Failure::interrupted()),
        };
        if verbose {
            show_messages(&agent);
        }
        Ok(Session { agent, interrupts: waits })
    }

    /// Nobody is let in: calls that come are refused, since this subcommand has another purpose.
    pub(crate) fn refuse_calls(&self) {
        let mut incoming = self.agent.incoming();
        tokio::spawn(async move {
            while let Some(call) = incoming.next().await {
                // One that is over already needs no refusal.
                let _ = call.reject(StatusCode::BUSY_HERE).await;
            }
        });
    }

    /// Waits for something, unless a signal comes first.
    pub(crate) async fn until<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            done = work => Ok(done),
            () = self.interrupts.next() => Err(Failure::interrupted()),
        }
    }

    /// Ends calls, unregisters, closes sockets.
    pub(crate) async fn close(mut self) {
        tokio::select! {
            // What cannot be ended in order ends with the program.
            _ = self.agent.shutdown(FAREWELL) => {}
            // A second signal does not wait.
            () = self.interrupts.next() => {}
        }
    }
}

/// What the shared options make of a user agent.
async fn builder(shared: &Shared, target: Option<&str>) -> Result<Builder, Failure> {
    let Shared { account, network } = shared;
    let way = Way::find(shared, target).await?;
    let config = way.config(account)?;
    let mut builder = UserAgent::builder(config.aor.as_str()).with(move |own| *own = config);
    if let Some(server) = &account.server {
        builder = builder.server(server);
    } else if network.bind.is_empty() {
        builder = builder.bind(SocketAddr::new(way.local, 0));
    }
    // The builder is to know which are UDP: without any it makes one.
    let (datagrams, others): (Vec<Listen>, Vec<Listen>) =
        network.bind.iter().copied().partition(|place| place.protocol == Protocol::Udp);
    for place in datagrams {
        builder = builder.bind(place.address);
    }
    let sockets = network.sockets(others)?;
    Ok(builder.driver(move |driver| sockets.apply(driver)))
}

/// A target as people type it: what is no URI but can only be a host or an address gets its scheme.
pub(crate) fn complete(target: &str) -> String {
    let known = ["sip:", "sips:", "tel:"];
    if known.iter().any(|scheme| target.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))) {
        return target.to_owned();
    }
    let host = target.split([';', '?']).next().unwrap_or_default();
    let is_place = host.contains('@') || host.contains('.') || host.contains(':') || host == "localhost";
    if is_place && !host.starts_with('+') { format!("sip:{target}") } else { target.to_owned() }
}

/// Prints every message on standard error, secrets masked.
fn show_messages(agent: &UserAgent) {
    let mut events = agent.events();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if let AgentEvent::Trace { outgoing, text } = event {
                let arrow = if outgoing { ">>>" } else { "<<<" };
                eprintln!("{arrow} {}\n", text.trim_end().replace('\n', "\n    "));
            }
        }
    });
}

/// Ctrl-C, and on Unix the signal to terminate. One that comes while nobody waits is not lost.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    interrupt: signal::unix::Signal,
    #[cfg(unix)]
    terminate: signal::unix::Signal,
    #[cfg(windows)]
    interrupt: signal::windows::CtrlC,
}

impl Interrupts {
    pub(crate) fn new() -> io::Result<Interrupts> {
        Ok(Interrupts {
            #[cfg(unix)]
            interrupt: signal::unix::signal(signal::unix::SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal::unix::signal(signal::unix::SignalKind::terminate())?,
            #[cfg(windows)]
            interrupt: signal::windows::ctrl_c()?,
        })
    }

    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(windows)]
        let _ = self.interrupt.recv().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_get_their_scheme() {
        assert_eq!(complete("127.0.0.1:5060"), "sip:127.0.0.1:5060");
        assert_eq!(complete("bob@example.com"), "sip:bob@example.com");
        assert_eq!(complete("SIPS:bob@example.com"), "SIPS:bob@example.com");
        assert_eq!(complete("localhost;transport=tcp"), "sip:localhost;transport=tcp");
        assert_eq!(complete("bob"), "bob");
        assert_eq!(complete("tel:+1-201-555"), "tel:+1-201-555");
    }
}
