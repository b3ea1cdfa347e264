//! One agent in several shards, spoken to as one: which of them a command is for.

use super::command::{Command, Kind};
use super::{AgentConfig, Control, ErrorValue, gone, missing, transfer};
use crate::endpoint::CallId;
use crate::entropy::Entropy;
use crate::message::{NameAddrRef, ReferTarget};
use crate::time::Instant;
use crate::transport::Sharding;

/// Numbers of handles say in their upper bits which shard they are of.
const BITS: u32 = 24;

/// Tells the shard of each command; see [`Control::sharded`].
#[derive(Debug)]
pub struct Commands {
    sharding: Sharding,
    /// Whose turn it is to begin something.
    turn: usize,
}

/// For whom a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// One shard.
    One(usize),
    /// All; the result that counts is the first one's.
    All,
    /// A call of one is to be brought together with one of another: ask that for [`Control::consulted`], and give it to
    /// [`Control::transfer_across`] of the first.
    Across {
        /// The shard of the call that is transferred.
        call: usize,
        /// That of the call that is consulted.
        other: usize,
    },
}

/// Whom a call that is consulted leads to.
#[derive(Clone, Debug)]
pub struct Consulted(ReferTarget);

/// The first number of a shard's handles.
pub(super) fn first_number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(0).checked_shl(BITS).unwrap_or(0)
}

impl Commands {
    /// For an agent made with this.
    pub fn new(sharding: Sharding) -> Commands {
        Commands { sharding, turn: 0 }
    }

    /// For whom a command is. One that names nothing there is, is for the first, which says so.
    pub fn recipient(&mut self, command: &Command) -> Recipient {
        let of = |number: u32| number.checked_shr(BITS).unwrap_or(0) as usize;
        let query = command.query.and_then(|query| u32::try_from(query).ok());
        let named = [command.call, command.subscription, command.publication, command.transfer, query]
            .into_iter()
            .flatten()
            .next();
        let recipient = match command.kind {
            Kind::Connect | Kind::Shutdown => return Recipient::All,
            Kind::TransferTo => {
                let (call, other) = (of(command.call.unwrap_or(0)), of(command.other.unwrap_or(0)));
                match call == other || other >= self.sharding.count() {
                    true => call,
                    false if call < self.sharding.count() => return Recipient::Across { call, other },
                    false => 0,
                }
            }
            Kind::Call | Kind::Options | Kind::Message | Kind::Subscribe | Kind::Publish | Kind::Refer => {
                self.turn = self.turn.wrapping_add(1);
                self.turn.checked_rem(self.sharding.count()).unwrap_or(0)
            }
            Kind::RestoreCall => {
                let local = command.saved.as_ref().and_then(|saved| NameAddrRef::parse(&saved.local).ok()?.tag());
                local.map_or(0, |tag| self.sharding.of(tag))
            }
            _ => named.map_or(0, of),
        };
        Recipient::One(if recipient < self.sharding.count() { recipient } else { 0 })
    }
}

impl Control {
    /// An agent in several shards, each of which a driver must run; [`Commands`] tells which of them a command is for.
    ///
    /// # Errors
    ///
    /// As [`new`](Control::new).
    pub fn sharded(config: AgentConfig, sharding: &Sharding, seed: [u8; 32]) -> Result<Vec<Control>, ErrorValue> {
        let keeps = config.keep_calls;
        let config = config.into_config().map_err(ErrorValue::from)?;
        let mut entropy = Entropy::new(seed);
        Ok(config.sharded(sharding).into_iter().map(|config| Control::of(config, entropy.seed(), keeps)).collect())
    }

    /// Whom a call of this shard leads to, with which one of another is to be brought together.
    ///
    /// # Errors
    ///
    /// If there is no such call, or it is not established.
    pub fn consulted(&self, command: &Command) -> Result<Consulted, ErrorValue> {
        let number = command.other.ok_or_else(|| missing("other"))?;
        let other: CallId = self.calls.get(&number).copied().ok_or_else(gone)?;
        Ok(Consulted(self.endpoint.consulted(other, command.to_contact.unwrap_or_default())?))
    }

    /// Carries out a command that brings a call together with one of another shard. As
    /// [`command`](Control::command), it is answered once.
    pub fn transfer_across(&mut self, now: Instant, mut command: Command, consulted: Result<Consulted, ErrorValue>) {
        let id = command.id;
        let begun = consulted.and_then(|Consulted(target)| {
            let call = self.call(&command)?;
            let options = transfer::options(&mut command);
            let transfer = self.endpoint.transfer_consulted(now, call, &target, options)?;
            self.answer_transfer(id, transfer)
        });
        if let Err(error) = begun {
            self.notifications.push_back(super::Notification::Error { id, error });
        }
    }
}
