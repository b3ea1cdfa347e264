//! The options that several subcommands have, and what is made of them.

mod account;
mod common;
mod listen;
mod network;
mod profile;
mod values;
mod way;

pub(crate) use account::Account;
pub(crate) use common::Common;
pub(crate) use listen::{Listen, Protocol};
pub(crate) use network::Network;
pub(crate) use values::{Header, Seconds};
pub(crate) use way::Way;

use crate::failure::Failure;
use profile::Profile;

/// Who calls, and how it gets there.
#[derive(clap::Args, Clone)]
pub(crate) struct Shared {
    #[command(flatten)]
    pub(crate) account: Account,
    #[command(flatten)]
    pub(crate) network: Network,
}

impl Shared {
    /// With what a profile says wherever neither the command line nor a variable did.
    pub(crate) fn completed(mut self) -> Result<Shared, Failure> {
        if let Some(profile) = Profile::find(self.account.config.as_deref(), self.account.profile.as_deref())? {
            self.account.fill(&profile);
            self.network.fill(&profile);
        }
        Ok(self)
    }
}

/// How a configuration file looks, for the help.
pub(crate) const CONFIGURATION: &str = "\
Configuration file ($XDG_CONFIG_HOME/offhook/config.toml, ~/.config/offhook/config.toml):
  default = \"work\"                       # the profile without --profile

  [profile.work]
  aor = \"sip:alice@example.com\"
  server = \"sip:sip.example.com;transport=tls\"
  password-file = \"/home/alice/.secrets/sip\"";
