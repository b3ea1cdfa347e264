//! What the subcommands share that do one thing and end.

use offhook::Builder;

use super::Shared;
use crate::failure::Failure;
use crate::print::Out;
use crate::session::Session;

/// How it is told, and whose phone does it. Whatever heading stands before these in the help, the first two have none.
#[derive(clap::Args)]
pub(crate) struct Common {
    /// Print JSON, one object a line
    #[arg(long, help_heading = None::<&'static str>)]
    json: bool,
    /// Print every SIP message on standard error, secrets masked
    #[arg(long, short, help_heading = None::<&'static str>)]
    verbose: bool,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

impl Common {
    /// With what a profile says; see [`Shared::completed`].
    pub(crate) fn completed(self) -> Result<Common, Failure> {
        Ok(Common { shared: self.shared.completed()?, ..self })
    }

    /// Where it is told.
    pub(crate) fn out(&self) -> Out {
        Out::new(self.json)
    }

    /// A user agent that reaches the server, or the target where there is none.
    pub(crate) async fn session(&self, target: &str) -> Result<Session, Failure> {
        self.session_with(target, |builder| builder).await
    }

    /// The same with something set otherwise.
    pub(crate) async fn session_with(
        &self,
        target: &str,
        change: impl FnOnce(Builder) -> Builder,
    ) -> Result<Session, Failure> {
        Session::open(&self.shared, Some(target), self.verbose, change).await
    }
}
