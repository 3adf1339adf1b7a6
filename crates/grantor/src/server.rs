//! What a running server does by itself.

use crate::App;
use crate::clock;
use crate::watch::WatchedFiles;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::Signal;
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

/// Reads trust anchors and revocation lists at once, so that what is wrong with them is said, then every so often and when `asked` (SIGHUP), until `stop` turns true.
pub async fn follow_trust(app: Arc<App>, every: Option<Duration>, mut asked: Signal, mut stop: watch::Receiver<bool>) {
    loop {
        let reader = app.clone();
        let reading = tokio::task::spawn_blocking(move || reader.reload_trust());
        if let Err(error) = reading.await {
            tracing::error!(%error, "trust anchors and revocation lists were not read again");
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            Some(()) = asked.recv() => {}
            () = tokio::time::sleep(every.unwrap_or_default()), if every.is_some() => {}
        }
    }
}

/// Files that are read again when they change, and when somebody asks for it.
#[derive(Debug)]
pub struct Reloaded<F> {
    /// What they hold, to begin a sentence with.
    pub what: &'static str,
    pub files: WatchedFiles,
    /// How often to look. `None`: only when asked.
    pub every: Option<Duration>,
    /// SIGHUP.
    pub asked: Signal,
    /// Reads them. After an error the old content stays in use, and they are read again at the next look: it may have
    /// come between the writing of one file and of the next.
    pub read: F,
}

impl<F, E> Reloaded<F>
where
    F: Fn() -> Result<(), E> + Clone + Send + 'static,
    E: Display,
{
    /// Goes on until `stop` turns true.
    pub async fn follow(mut self, mut stop: watch::Receiver<bool>) {
        let mut wrong: Option<String> = None;
        loop {
            let asked = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                Some(()) = self.asked.recv() => true,
                () = tokio::time::sleep(self.every.unwrap_or_default()), if self.every.is_some() => false,
            };
            let due = asked || wrong.is_some();
            let Ok(result) = self.read_if(due).await else {
                tracing::error!("{} cannot be read again; restart the server for a new one", self.what);
                return;
            };
            match result {
                None => {}
                Some(Ok(())) => {
                    wrong = None;
                    tracing::info!("{} was read again", self.what);
                }
                Some(Err(error)) => {
                    // Once is enough, unless somebody waits for an answer.
                    if asked || wrong.as_ref() != Some(&error) {
                        tracing::error!(error, "{} was not replaced; the old one stays in use", self.what);
                    }
                    wrong = Some(error);
                }
            }
        }
    }

    /// Reads the files if it is due or they changed. Away from the async threads, since a mount may hang.
    async fn read_if(&mut self, due: bool) -> Result<Option<Result<(), String>>, tokio::task::JoinError> {
        let mut files = std::mem::take(&mut self.files);
        let read = self.read.clone();
        let (files, result) = tokio::task::spawn_blocking(move || {
            let due = files.changed() || due;
            (files, due.then(|| read().map_err(|error| error.to_string())))
        })
        .await?;
        self.files = files;
        Ok(result)
    }
}

/// False once it is time to stop.
async fn pause(period: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(period) => true,
        _ = stop.wait_for(|stop| *stop) => false,
    }
}
