//! Why a subcommand failed: the exit code, and words that say what to do.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use offhook::Error;
use offhook::core::auth::AuthError;
use offhook::core::transport::FlowErrorKind;
use offhook::media::MediaError;

/// The exit codes, as the table in the help has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    /// What was read cannot be used, or this machine failed.
    Failed = 1,
    /// What was asked for makes no sense.
    Usage = 2,
    /// The other side refused.
    Refused = 3,
    /// Wrong or missing credentials.
    Authentication = 4,
    /// No answer in time.
    Timeout = 5,
    /// The way there is not open.
    Transport = 6,
    /// Some of it failed.
    Partly = 7,
    /// By Ctrl-C or the signal to terminate.
    Interrupted = 130,
}

/// A subcommand that did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    words: String,
    /// What its user can do about it.
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: Code, words: impl Into<String>) -> Failure {
        Failure { code, words: words.into(), hint: None }
    }

    pub(crate) fn usage(words: impl Into<String>) -> Failure {
        Failure::new(Code::Usage, words)
    }

    /// Something of this machine, named, that did not work.
    pub(crate) fn io(what: impl Display, error: &io::Error) -> Failure {
        Failure::new(Code::Failed, format!("{what}: {error}"))
    }

    /// It was already told; only the exit code is left.
    pub(crate) fn silent(code: Code) -> Failure {
        Failure::new(code, "")
    }

    pub(crate) fn interrupted() -> Failure {
        Failure::new(Code::Interrupted, "interrupted")
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// The same with what was tried before it.
    #[must_use]
    pub(crate) fn of(mut self, what: impl Display) -> Failure {
        self.words = format!("{what}: {}", self.words);
        self
    }

    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// Says it on standard error.
    pub(crate) fn tell(self, name: &str) -> ExitCode {
        if !self.words.is_empty() {
            eprintln!("offhook {name}: {}", self.words);
        }
        if let Some(hint) = self.hint {
            eprintln!("  {hint}");
        }
        ExitCode::from(self.code as u8)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let code = match &error {
            Error::Authentication { .. } => Code::Authentication,
            Error::Status(refusal) if matches!(refusal.status.code(), 401 | 407) => Code::Authentication,
            Error::Status(_) => Code::Refused,
            Error::Timeout(_) => Code::Timeout,
            Error::Transport(_) => Code::Transport,
            Error::Input(_) => Code::Usage,
            Error::Cancelled => Code::Interrupted,
            _ => Code::Failed,
        };
        let failure = Failure::new(code, error.to_string());
        match hint(&error) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<MediaError> for Failure {
    fn from(error: MediaError) -> Failure {
        match error {
            MediaError::Call(error) => error.into(),
            MediaError::File(words) => Failure::usage(words),
            MediaError::NoAudio | MediaError::Encryption | MediaError::Refused(_) | MediaError::Description(_) => {
                Failure::new(Code::Refused, error.to_string())
            }
            error => Failure::new(Code::Failed, error.to_string()),
        }
    }
}

fn hint(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Authentication { cause: AuthError::NoCredential { .. }, .. } => {
            "give the password by OFFHOOK_PASSWORD, --password-file, a profile, or --ask-password"
        }
        Error::Authentication { cause: AuthError::Rejected { .. }, .. } => {
            "look at --username too: it is the user of the address of record unless it is given"
        }
        Error::Authentication { cause: AuthError::Downgrade { .. }, .. } => "--weakest-digest says what is answered",
        Error::Timeout(_) => "nobody answered: look at the address, the transport (;transport=tcp) and the firewall",
        Error::Transport(error) => match error.kind {
            FlowErrorKind::Unresolved => "the name has no address: look at how it is written, or give --server",
            FlowErrorKind::Refused => "nobody listens there: look at the port and the transport (;transport=tcp)",
            FlowErrorKind::Timeout => "the network does not answer: look at the address and the firewall",
            FlowErrorKind::CertificateUntrusted => "trust its authority by --tls-roots FILE",
            FlowErrorKind::CertificateName => "the certificate is for another name: connect by that name",
            FlowErrorKind::Handshake => "it speaks no SIP over WebSocket there: look at the path of the URL",
            FlowErrorKind::Unsupported => "this offhook was built without that transport",
            _ => return None,
        },
        Error::Status(refusal) => match refusal.status.code() {
            300..=399 => "--follow N goes where it points",
            403 => "the server knows who asks and says no: look at --aor and --username",
            404 | 604 => "the server does not know that user: look at the target's spelling",
            480 => "the user is not registered at the moment",
            488 | 606 => "the offered audio is not taken there: try another --sdp",
            _ => return None,
        },
        _ => return None,
    })
}
