//! Samples of the guide: subscriptions and messages.

use offhook::{Document, Error, SubscribeOptions, UserAgent};

// #region subscribe
pub async fn watch_bob(agent: &UserAgent) -> Result<(), Error> {
    let subscription = agent.subscribe("bob", SubscribeOptions::new("presence")).await?;
    let mut notices = subscription.notices();
    while let Some(notice) = notices.next().await {
        match notice.parse() {
            Ok(Document::Presence(presence)) => println!("{presence:?}"),
            Ok(_) => {}
            Err(error) => println!("unreadable: {error}"), // names the field and the byte
        }
    }
    Ok(())
}
// #endregion subscribe

// #region message
pub async fn say_hello(agent: &UserAgent) -> Result<(), Error> {
    agent.message("bob", "text/plain", "hello").await?;
    Ok(())
}
// #endregion message
