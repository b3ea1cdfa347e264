//! Whose phone it is.

use std::env;
use std::fs;
use std::io::{IsTerminal, stdin};
use std::path::PathBuf;

use super::profile::Profile;
use crate::failure::{Code, Failure};

/// The variables that hold secrets; there are no options for those, since others can see command lines.
const PASSWORD: &str = "OFFHOOK_PASSWORD";
const TOKEN: &str = "OFFHOOK_TOKEN";

#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Account")]
pub(crate) struct Account {
    /// Address of record, e.g. sip:alice@example.com
    #[arg(long, env = "OFFHOOK_AOR", value_name = "URI")]
    pub(crate) aor: Option<String>,
    /// The server: sip:host:port;transport=udp|tcp|tls, ws://host/path or wss://host/path
    ///
    /// Without it requests go where their address says.
    #[arg(long, env = "OFFHOOK_SERVER", value_name = "URI")]
    pub(crate) server: Option<String>,
    /// Another server, tried when those before cannot be reached; may be repeated
    #[arg(long, value_name = "URI")]
    pub(crate) backup: Vec<String>,
    /// The name others see
    #[arg(long, value_name = "NAME")]
    pub(crate) display_name: Option<String>,
    /// Digest user name [default: the user of the address of record]
    #[arg(long, env = "OFFHOOK_USERNAME", value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Read the password from the first line of this file; else it is in OFFHOOK_PASSWORD
    #[arg(long, env = "OFFHOOK_PASSWORD_FILE", value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Ask for the password on the terminal
    #[arg(long)]
    pub(crate) ask_password: bool,
    /// The weakest digest algorithm that is answered: MD5, SHA-256 or SHA-512-256 [default: MD5]
    #[arg(long, value_name = "NAME")]
    pub(crate) weakest_digest: Option<String>,
    /// Registration lifetime to ask for, in seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) expires: Option<u32>,
    /// User-Agent and Server header
    #[arg(long, value_name = "TEXT")]
    pub(crate) user_agent: Option<String>,
    /// Take what is not given here from this profile of the configuration file
    #[arg(long, env = "OFFHOOK_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The configuration file
    #[arg(long, env = "OFFHOOK_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The password of the profile.
    #[arg(skip)]
    stored: Option<String>,
    /// The password, once it was found.
    #[arg(skip)]
    known: Option<String>,
}

impl Account {
    pub(super) fn fill(&mut self, profile: &Profile) {
        fn keep<T: Clone>(own: &mut Option<T>, other: &Option<T>) {
            *own = own.take().or_else(|| other.clone());
        }
        // The servers belong together, and so do those who ask at them.
        if self.server.is_none() && self.backup.is_empty() {
            self.backup.clone_from(&profile.backup);
        }
        keep(&mut self.server, &profile.server);
        keep(&mut self.aor, &profile.aor);
        keep(&mut self.display_name, &profile.display_name);
        keep(&mut self.username, &profile.username);
        keep(&mut self.password_file, &profile.password_file);
        keep(&mut self.weakest_digest, &profile.weakest_digest);
        keep(&mut self.expires, &profile.expires);
        keep(&mut self.user_agent, &profile.user_agent);
        keep(&mut self.stored, &profile.password);
    }

    /// This account for one of many users: `{}` stands for the number.
    pub(crate) fn number(&mut self, number: u64) -> Result<(), Failure> {
        let number = number.to_string();
        // Whatever it comes from, it is one text from here on.
        self.known = self.password()?.map(|password| password.replace("{}", &number));
        for text in [&mut self.aor, &mut self.username, &mut self.display_name].into_iter().flatten() {
            *text = text.replace("{}", &number);
        }
        Ok(())
    }

    /// The address of record, which this subcommand cannot do without.
    pub(crate) fn required_aor(&self) -> Result<&str, Failure> {
        self.aor.as_deref().ok_or_else(|| {
            Failure::usage("whose phone this is, is not said")
                .hint("give --aor sip:alice@example.com, OFFHOOK_AOR, or a profile")
        })
    }

    /// The password: asked for, from the variable, the file, or the profile.
    pub(crate) fn password(&self) -> Result<Option<String>, Failure> {
        if self.known.is_some() {
            return Ok(self.known.clone());
        }
        if self.ask_password {
            if !stdin().is_terminal() {
                return Err(Failure::usage("--ask-password: standard input is no terminal")
                    .hint("give the password by OFFHOOK_PASSWORD or --password-file"));
            }
            let whose = self.username.as_deref().or(self.aor.as_deref()).unwrap_or("the account");
            let typed = rpassword::prompt_password(format!("Password of {whose}: "));
            return typed.map(Some).map_err(|error| Failure::io("the password cannot be read", &error));
        }
        if let Some(password) = variable(PASSWORD)? {
            return Ok(Some(password));
        }
        let Some(path) = &self.password_file else { return Ok(self.stored.clone()) };
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::new(Code::Usage, format!("{}: {error}", path.display()))
                .hint("--password-file (or OFFHOOK_PASSWORD_FILE, or the profile) names the file")
        })?;
        Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
    }

    /// An access token (RFC 8898), from the variable.
    pub(crate) fn token() -> Result<Option<String>, Failure> {
        variable(TOKEN)
    }
}

fn variable(name: &str) -> Result<Option<String>, Failure> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Failure::usage(format!("{name} is not UTF-8"))),
    }
}
