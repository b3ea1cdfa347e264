//! Samples of the guide: what a program that runs for months wants.

use std::time::Duration;

use offhook::core::auth::Credential;
use offhook::{AgentEvent, ClientTls, Error, TlsError, UserAgent, roots_from_pem};

// #region builder
pub async fn connect(token: impl Fn() -> String + Send + 'static) -> Result<UserAgent, Error> {
    UserAgent::builder("sip:alice@example.com")
        .server("sip:example.com;transport=tls")
        .credentials(move |_request| {
            let token = token();
            async move { Some(Credential::token(token)) }
        })
        .with(|config| {
            config.limits.calls = 500; // further ones are answered 503 with Retry-After
            config.session_timers.expires = Duration::from_secs(900);
        })
        .connect()
        .await
}
// #endregion builder

// #region tls
pub fn with_own_authority(authorities: &[u8]) -> Result<offhook::Builder, TlsError> {
    let tls = ClientTls::new().roots(roots_from_pem(authorities)?);
    Ok(UserAgent::builder("sip:alice@example.com")
        .server("sip:example.com;transport=tls")
        .driver(|driver| driver.client_tls(tls)))
}
// #endregion tls

// #region events
pub async fn watch(agent: &UserAgent) {
    let mut events = agent.events();
    while let Some(event) = events.next().await {
        match event {
            AgentEvent::Registration(state) => println!("registration: {state:?}"),
            AgentEvent::Connection(state) => println!("connection: {state:?}"),
            _ => {}
        }
    }
}
// #endregion events

// #region shutdown
pub async fn stop(agent: &UserAgent) -> Result<(), Error> {
    // Ends all calls, unregisters, closes every socket; after the deadline without waiting for anybody.
    agent.shutdown(Duration::from_secs(5)).await
}
// #endregion shutdown
