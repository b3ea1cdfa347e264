//! Two agents that reach each other over UDP, and ears for what is heard.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use offhook::UserAgent;
use offhook::core::endpoint::Config;
use offhook::media::{Audio, Media, MediaError, Options, Sink, Source, Stamp, Stats, Talk, tone_level};
use tokio::time::timeout;

/// Everything here takes a second or two. What has not happened by then never will.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A sink that keeps what it is given.
#[derive(Clone, Default)]
pub(crate) struct Ear(Arc<Mutex<Vec<i16>>>);

impl Ear {
    /// The rate at which it hears.
    pub(crate) const RATE: u32 = 16_000;

    /// The level of a tone in what was heard last, in dBov: that of the middle one of five tenths of a second, since where the
    /// delay was changed in between the phase is another.
    pub(crate) fn level(&self, frequency: f64) -> f64 {
        let heard = self.0.lock().unwrap();
        let part = Ear::RATE as usize / 10;
        let Some(from) = heard.len().checked_sub(5 * part) else { return -127.0 };
        let mut levels: Vec<f64> =
            heard[from..].chunks(part).map(|part| tone_level(part, Ear::RATE, frequency)).collect();
        levels.sort_by(f64::total_cmp);
        levels[2]
    }
}

impl Sink for Ear {
    fn rate(&self) -> u32 {
        Ear::RATE
    }

    fn take(&mut self, _: Stamp, frame: &[i16]) {
        self.0.lock().unwrap().extend_from_slice(frame);
    }
}

pub(crate) async fn agent(name: &str) -> UserAgent {
    UserAgent::builder(&format!("sip:{name}@127.0.0.1"))
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .with(|config: &mut Config| config.follow_redirects = 0)
        .connect()
        .await
        .expect("an agent")
}

/// Where an agent is called.
pub(crate) fn uri(agent: &UserAgent, name: &str) -> String {
    format!("sip:{name}@{}", agent.local_addrs()[0].addr)
}

pub(crate) struct World {
    pub(crate) alice: UserAgent,
    pub(crate) bob: UserAgent,
    pub(crate) at_alice: Ear,
    pub(crate) at_bob: Ear,
}

impl World {
    pub(crate) async fn new() -> World {
        World { alice: agent("alice").await, bob: agent("bob").await, at_alice: Ear::default(), at_bob: Ear::default() }
    }

    /// Alice calls Bob; each says something and listens.
    pub(crate) async fn call(
        &self,
        caller: &Options,
        callee: &Options,
        alice: impl Source + 'static,
        bob: impl Source + 'static,
    ) -> Result<(Talk, Talk), MediaError> {
        let mut incoming = self.bob.incoming();
        let (alices, bobs) = (Audio::new(alice, self.at_alice.clone()), Audio::new(bob, self.at_bob.clone()));
        let media = Media::new(caller.clone());
        let target = uri(&self.bob, "bob");
        let calling = async {
            let talk = media.call(&self.alice, &target, alices).await?;
            talk.established().await?;
            Ok::<_, MediaError>(talk)
        };
        let answering = async {
            let call = incoming.next().await.expect("a call");
            Media::new(callee.clone()).answer(&call, bobs).await
        };
        let (alice, bob) = tokio::join!(calling, answering);
        Ok((alice?, bob?))
    }
}

pub(crate) async fn until(talk: &Talk, condition: impl FnMut(&Stats) -> bool) -> Stats {
    let reached = timeout(DEADLINE, talk.until(condition)).await;
    reached.unwrap_or_else(|_| panic!("still {:?}", talk.stats())).expect("the call goes on")
}

/// Waits until an ear hears a tone at a level, in dBov, while packets come in.
pub(crate) async fn hears(talk: &Talk, ear: &Ear, frequency: f64, level: f64) {
    until(talk, |_| (ear.level(frequency) - level).abs() < 1.5).await;
}
