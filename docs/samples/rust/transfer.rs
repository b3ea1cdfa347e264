//! Samples of the guide: transfers.

use offhook::core::endpoint::{FollowOptions, TransferEvent, TransferOptions};
use offhook::{Call, CallOptions, Error, UserAgent};

// #region blind
pub async fn transfer_blind(call: &Call) -> Result<(), Error> {
    let transfer = call.transfer("carol", TransferOptions::default()).await?;
    let mut events = transfer.events();
    while let Some(event) = events.next().await {
        if let TransferEvent::Progress { status, phrase } = event {
            println!("carol: {status} {phrase}");
        }
    }
    let outcome = transfer.done().await?; // the new call is answered; ours has ended
    println!("transferred: {:?}", outcome.status);
    Ok(())
}
// #endregion blind

// #region attended
pub async fn transfer_attended(agent: &UserAgent, customer: &Call, sdp: &str) -> Result<(), Error> {
    customer.hold().await?;
    let colleague = agent.call("carol", CallOptions::with_sdp(sdp.to_owned())).await?;
    colleague.established().await?; // ask her first
    let transfer = customer.transfer_to(&colleague, TransferOptions::default()).await?;
    transfer.done().await?; // the two are connected, both of our calls are over
    Ok(())
}
// #endregion attended

// #region later
pub async fn transfer_and_go_on(call: &Call) -> Result<(), Error> {
    let transfer = call.transfer("carol", TransferOptions::default()).await?;
    transfer.accepted().await?; // the other side will try; nothing more is known yet
    tokio::spawn(async move {
        match transfer.done().await {
            Ok(outcome) => println!("carol answered: {:?}", outcome.status),
            Err(error) => println!("back to us: {error}"), // the call with us goes on
        }
    });
    Ok(())
}
// #endregion later

// #region consent
pub async fn follow_transfers(call: &Call, sdp: &str) -> Result<(), Error> {
    // Whoever does not look at these refuses: nobody is called without consent.
    let mut requests = call.transfer_requests();
    while let Some(request) = requests.next().await {
        println!("{} sends us to {:?}", request.from().as_str(), request.target());
        let next = request.accept(FollowOptions::with_sdp(sdp.to_owned())).await?;
        next.established().await?; // the other side is told by itself
    }
    Ok(())
}
// #endregion consent
