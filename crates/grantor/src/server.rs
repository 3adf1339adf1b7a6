//! What a running server does by itself.

use crate::App;
use crate::clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Follows the changes made by other nodes, until `stop` turns true.
pub async fn follow_changes(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let period = Duration::from_millis(app.config.cache.refresh_interval_ms);
    let mut failing = false;
    while pause(period, &mut stop).await {
        let now = clock::now_s();
        let result = app.catch_up(now).await;
        match &result {
            Err(error) if !failing => {
                tracing::error!(%error, "changes cannot be followed; clients known here go on being served")
            }
            Ok(()) if failing => tracing::info!("changes are followed again"),
            _ => {}
        }
        failing = result.is_err();
    }
}

/// Rotates keys that are due and forgets what has expired, until `stop` turns true.
pub async fn tidy(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let period = Duration::from_secs(app.config.keys.check_interval_s);
    loop {
        let now = clock::now_s();
        let names: Vec<String> = app.directory.domains().iter().map(|domain| domain.name.clone()).collect();
        for domain in names {
            if let Err(error) = app.keys.tidy(&domain, now).await {
                tracing::error!(%error, domain, "keys could not be rotated; the present ones go on being used");
            }
        }
        if let Err(error) = app.directory.forget_expired(now).await {
            tracing::error!(%error, "expired revocations could not be deleted");
        }
        if !pause(period, &mut stop).await {
            return;
        }
    }
}

/// Brings spent ids to the disk and forgets those that are over, every second until `stop` turns true.
pub async fn keep_spent_ids(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut failing = false;
    while pause(Duration::from_secs(1), &mut stop).await {
        let keeper = app.clone();
        let kept = tokio::task::spawn_blocking(move || {
            keeper.replay.forget_expired(clock::now_s());
            keeper.replay.sync()
        });
        let result = kept.await.unwrap_or_else(|panicked| Err(panicked.into()));
        match &result {
            Err(error) if !failing => tracing::error!(
                %error,
                "spent ids cannot be brought to the disk; after a power loss they could be used again"
            ),
            Ok(()) if failing => tracing::info!("spent ids are brought to the disk again"),
            _ => {}
        }
        failing = result.is_err();
        app.metrics.replay_ids(app.replay.len());
    }
}

/// False once it is time to stop.
async fn pause(period: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(period) => true,
        _ = stop.wait_for(|stop| *stop) => false,
    }
}
