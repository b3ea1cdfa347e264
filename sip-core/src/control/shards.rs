//! One agent in several shards, spoken to as one: which of them a command is for.

use super::command::{Command, Kind};
use super::{AgentConfig, Control, DialogValue, ErrorValue, ResultValue, TransactionValue, gone, missing, transfer};
use crate::endpoint::CallId;
use crate::entropy::Entropy;
use crate::message::NameAddrRef;
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
    /// Each has a [`Control::part`] of the answer; all parts together are for [`Control::answer_with`] of the first.
    Each,
    /// A call of one is to be brought together with one of another: ask that for [`Control::consulted`], and give it to
    /// [`Control::transfer_across`] of the first.
    Across {
        /// The shard of the call that is transferred.
        call: usize,
        /// That of the call that is consulted.
        other: usize,
    },
}

/// A call that is consulted.
#[derive(Clone, Debug)]
pub struct Consulted(CallId);

/// What one shard has to say to a command for each of them.
#[derive(Clone, Debug)]
pub enum Part {
    /// Its dialogs.
    Dialogs(Vec<DialogValue>),
    /// Its transactions.
    Transactions(Vec<TransactionValue>),
}

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
            Kind::InspectDialogs | Kind::InspectTransactions if self.sharding.count() > 1 => return Recipient::Each,
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

    /// The call of this shard that one of another is to be brought together with.
    ///
    /// # Errors
    ///
    /// If there is no such call, or it is over.
    pub fn consulted(&self, command: &Command) -> Result<Consulted, ErrorValue> {
        let number = command.other.ok_or_else(|| missing("other"))?;
        let other: CallId = self.calls.get(&number).copied().ok_or_else(gone)?;
        self.endpoint.check_consulted(other)?;
        Ok(Consulted(other))
    }

    /// Carries out a command that brings a call together with one of another shard. As
    /// [`command`](Control::command), it is answered once.
    pub fn transfer_across(&mut self, now: Instant, mut command: Command, consulted: Result<Consulted, ErrorValue>) {
        let id = command.id;
        let begun = consulted.and_then(|Consulted(other)| {
            let call = self.call(&command)?;
            let transfer = self.endpoint.transfer_to(now, call, other, transfer::options(&mut command))?;
            self.answer_transfer(id, transfer)
        });
        if let Err(error) = begun {
            self.notifications.push_back(super::Notification::Error { id, error });
        }
    }

    /// What this shard has to say to a command for [`each`](Recipient::Each) of them.
    pub fn part(&self, command: &Command) -> Part {
        match command.kind {
            Kind::InspectTransactions => Part::Transactions(self.transactions()),
            _ => Part::Dialogs(self.dialogs()),
        }
    }

    /// Answers such a command with what all shards had to say.
    pub fn answer_with(&mut self, command: &Command, parts: Vec<Part>) {
        let (mut dialogs, mut transactions) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Part::Dialogs(part) => dialogs.extend(part),
                Part::Transactions(part) => transactions.extend(part),
            }
        }
        self.answer(
            command.id,
            match command.kind {
                Kind::InspectTransactions => ResultValue::Transactions { transactions },
                _ => ResultValue::Dialogs { dialogs },
            },
        );
    }
}
