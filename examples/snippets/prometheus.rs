//! A user agent whose metrics Prometheus can fetch: it registers, takes messages, and shows at `/metrics` what
//! `offhook::metrics` records.
//!
//!     OFFHOOK_PASSWORD=… prometheus sip:alice@example.com wss://sip.example.com/ws 127.0.0.1:9464

use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use offhook::UserAgent;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often histograms are brought up to date: those of each interval are kept until then.
const UPKEEP: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [aor, server, listen] = &arguments[..] else {
        anyhow::bail!(
            "usage: prometheus AOR SERVER LISTEN, e.g. sip:alice@example.com wss://sip.example.com 127.0.0.1:9464"
        )
    };
    // Before anything is recorded.
    let recorder = PrometheusBuilder::new().install_recorder()?;
    offhook::metrics::describe();

    let listener = TcpListener::bind(listen).await?;
    println!("metrics at http://{}/metrics", listener.local_addr()?);
    let exporter = tokio::spawn(export(listener, recorder));

    let password = std::env::var("OFFHOOK_PASSWORD").unwrap_or_default();
    let agent = UserAgent::builder(aor).server(server).password(password).connect().await?;
    agent.register().await?;
    tokio::signal::ctrl_c().await?;
    agent.shutdown(Duration::from_secs(2)).await?;
    exporter.abort();
    Ok(())
}

/// Serves whoever asks, each on a task of its own.
async fn export(listener: TcpListener, recorder: PrometheusHandle) {
    let mut upkeep = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            _ = upkeep.tick() => recorder.run_upkeep(),
            Ok((stream, _)) = listener.accept() => {
                let recorder = recorder.clone();
                tokio::spawn(async move {
                    // Who hangs up in the middle asks again.
                    let _ = tokio::time::timeout(PATIENCE, answer(stream, &recorder)).await;
                });
            }
        }
    }
}

async fn answer(stream: TcpStream, recorder: &PrometheusHandle) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    stream.read_line(&mut request).await?;
    // The header, which says nothing of interest.
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let (status, text) = match request.starts_with("GET /metrics ") {
        true => ("200 OK", recorder.render()),
        false => ("404 Not Found", String::new()),
    };
    let header = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(header.as_bytes()).await?;
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}
