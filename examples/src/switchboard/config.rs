//! What a switchboard is told before it starts.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook_core::auth::Algorithm;
use offhook_core::message::Limits as MessageLimits;
use offhook_core::transaction::TimerConfig;

/// The users of a switchboard nobody configured; the password of each is `<user>-secret`.
pub const DEFAULT_USERS: [&str; 5] = ["alice", "bob", "carol", "dave", "echo"];

/// The domains of a switchboard nobody configured.
pub const DEFAULT_DOMAINS: [&str; 2] = ["offhook.test", "localhost"];

/// Everything a switchboard can be told. The defaults suit the demo and tests.
#[derive(Clone, Debug)]
pub struct Config {
    /// The domains it is responsible for; the first is the realm of its challenges. Its own addresses count as well.
    pub domains: Vec<String>,
    /// User names and their passwords.
    pub users: BTreeMap<String, String>,
    /// The digest algorithms it offers, the preferred first (RFC 8760 2.3).
    pub algorithms: Vec<Algorithm>,
    /// How long registrations last.
    pub expires: Expires,
    /// What peers can use up.
    pub limits: Limits,
    /// The transaction timers.
    pub timers: TimerConfig,
    /// How long a branch of an INVITE may ring (Timer C); RFC 3261 16.6 wants more than three minutes.
    pub timer_c: Duration,
    /// What the routes of dialogs are signed with: with the same after a restart calls go on when both sides are back.
    /// `None`: another each time.
    pub secret: Option<String>,
    /// Whether every message is reported by [`Notice::Message`](super::Notice::Message).
    pub trace: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            domains: DEFAULT_DOMAINS.map(str::to_owned).to_vec(),
            users: DEFAULT_USERS.iter().map(|user| ((*user).to_owned(), format!("{user}-secret"))).collect(),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            expires: Expires::default(),
            limits: Limits::default(),
            timers: TimerConfig::default(),
            timer_c: Duration::from_secs(185),
            secret: None,
            trace: false,
        }
    }
}

/// How long a registration lasts, in seconds (RFC 3261 10.3 step 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expires {
    /// Where the client names no time; 3600.
    pub default: u32,
    /// The shortest; a client that asks for less is answered 423. 10.
    pub min: u32,
    /// The longest; a client that asks for more gets this. 7200.
    pub max: u32,
}

impl Default for Expires {
    fn default() -> Expires {
        Expires { default: 3600, min: 10, max: 7200 }
    }
}

/// What peers can use up.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Contacts a user may have, which is also how many branches a request can fork into; 10.
    pub contacts: usize,
    /// Requests worked on at a time; more are answered 503. 10 000.
    pub transactions: usize,
    /// The size of messages and of their parts.
    pub message: MessageLimits,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { contacts: 10, transactions: 10_000, message: MessageLimits::default() }
    }
}

/// Why a configuration text cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ConfigError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl Config {
    /// Adds what a configuration text says: a line each of `domain NAME`, `user NAME:PASSWORD`, `algorithms NAME…`,
    /// `expires DEFAULT MIN MAX` (seconds), `secret TEXT` and `contacts NUMBER`; `#` begins a comment. The first domain or user
    /// named takes the place of the default ones.
    ///
    /// # Errors
    ///
    /// The first line that says something else.
    pub fn read(&mut self, text: &str) -> Result<(), ConfigError> {
        let (mut domains, mut users) = (Vec::new(), BTreeMap::new());
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let failed = |reason: &str| ConfigError { line: index + 1, reason: reason.to_owned() };
            let Some((word, rest)) = line.split_once(char::is_whitespace) else {
                if line.is_empty() {
                    continue;
                }
                return Err(failed("a word without a value"));
            };
            let rest = rest.trim();
            match word {
                "domain" => domains.push(rest.to_owned()),
                "user" => {
                    let (user, password) = parse_user(rest).ok_or_else(|| failed("a user is NAME:PASSWORD"))?;
                    users.insert(user, password);
                }
                "algorithms" => {
                    let read: Option<Vec<Algorithm>> = rest.split_whitespace().map(Algorithm::parse).collect();
                    self.algorithms = read.ok_or_else(|| failed("unknown digest algorithm"))?;
                }
                "secret" => self.secret = Some(rest.to_owned()),
                "expires" => self.expires = parse_expires(rest).ok_or_else(|| failed("expires is DEFAULT MIN MAX"))?,
                "contacts" => {
                    self.limits.contacts = rest.parse().map_err(|_| failed("contacts is a number"))?;
                }
                _ => return Err(failed("unknown word")),
            }
        }
        if !domains.is_empty() {
            self.domains = domains;
        }
        if !users.is_empty() {
            self.users = users;
        }
        Ok(())
    }

    /// The realm of the challenges.
    pub fn realm(&self) -> &str {
        self.domains.first().map_or("localhost", String::as_str)
    }
}

/// `NAME:PASSWORD`; `None` where either is missing or the name could not stand in a URI as it is.
pub fn parse_user(text: &str) -> Option<(String, String)> {
    let (user, password) = text.split_once(':')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    (!user.is_empty() && !password.is_empty() && user.bytes().all(plain))
        .then(|| (user.to_owned(), password.to_owned()))
}

fn parse_expires(text: &str) -> Option<Expires> {
    let mut numbers = text.split_whitespace().map(str::parse::<u32>);
    let (default, min, max) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    (numbers.next().is_none() && min <= default && default <= max).then_some(Expires { default, min, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_replaces_what_it_names_and_nothing_else() {
        let mut config = Config::default();
        config
            .read("# ours\ndomain example.test\nuser dave:pass:word  # colons may follow\n\nexpires 60 5 90")
            .unwrap();
        assert_eq!(config.domains, ["example.test"]);
        assert_eq!(config.users.get("dave").map(String::as_str), Some("pass:word"));
        assert!(!config.users.contains_key("alice"));
        assert_eq!(config.expires, Expires { default: 60, min: 5, max: 90 });
        assert_eq!(config.algorithms, [Algorithm::Sha256, Algorithm::Md5]);
    }

    #[test]
    fn an_error_names_its_line() {
        let wrong = ["user alice", "\nexpires 5 10 20", "colour blue", "domain", "algorithms ROT13"];
        let lines = wrong.map(|text| Config::default().read(text).unwrap_err().line);
        assert_eq!(lines, [1, 2, 1, 1, 1]);
    }
}
