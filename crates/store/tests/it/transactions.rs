//! Transactions and migrations.

use hookswitch_domain::tenant::PLATFORM;
use hookswitch_store::{Component, STORE, StoreError, migrate::Schema, params};

use crate::engines::{Engine, sql};

pub const COMPONENTS: &[Component] = &[STORE];

crate::on_both_engines!(
    a_failed_job_changes_nothing_and_harms_no_neighbour,
    effects_run_after_the_commit_alone,
    migrations_are_safe_to_repeat,
    a_unique_rule_is_told_as_a_conflict,
);

const INSERT: &str = "INSERT INTO effect (step_key, tenant, result, created_at) VALUES ($1, $2, '', 0)";

async fn rows(engine: &Engine) -> i64 {
    sql(&engine.db, PLATFORM, "SELECT count(*) FROM effect", &[]).await.remove(0).get(0).unwrap()
}

async fn a_failed_job_changes_nothing_and_harms_no_neighbour(engine: &Engine) {
    let mut jobs = Vec::new();
    for number in 0..40 {
        let store = engine.db.system();
        jobs.push(tokio::spawn(async move {
            store
                .write(move |tx| {
                    Box::pin(async move {
                        let tenant = tx.tenant();
                        tx.execute(INSERT, params![format!("step-{number}"), tenant]).await?;
                        if number % 2 == 0 { Err(StoreError::Bug("on purpose".to_owned())) } else { Ok(()) }
                    })
                })
                .await
        }));
    }
    for (number, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.await.unwrap().is_err(), number % 2 == 0);
    }
    assert_eq!(rows(engine).await, 20);
}

async fn effects_run_after_the_commit_alone(engine: &Engine) {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    for fail in [true, false] {
        let tell = tell.clone();
        let store = engine.db.system();
        let job = store.write(move |tx| {
            Box::pin(async move {
                tx.after_commit(move || tell.send(fail).unwrap());
                if fail { Err(StoreError::Overloaded) } else { Ok(()) }
            })
        });
        assert_eq!(job.await.is_err(), fail);
    }
    assert_eq!(told.recv().await, Some(false));
    assert!(told.try_recv().is_err());
}

async fn migrations_are_safe_to_repeat(engine: &Engine) {
    assert_eq!(engine.db.schema(COMPONENTS).await.unwrap(), Schema::Current);
    assert!(engine.db.migrate(COMPONENTS).await.unwrap().is_empty());
}

async fn a_unique_rule_is_told_as_a_conflict(engine: &Engine) {
    let store = engine.db.system();
    let insert = || {
        store.write(|tx| {
            Box::pin(async move {
                let tenant = tx.tenant();
                tx.execute(INSERT, params!["once", tenant]).await
            })
        })
    };
    assert_eq!(insert().await.unwrap(), 1);
    assert!(matches!(insert().await, Err(StoreError::Conflict(_))));
}

/// On SQLite alone: a busy writer never finds a moment in which all of the log is copied by others.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_short_while_it_is_written() {
    let engine = Engine::sqlite(COMPONENTS).await;
    let log = format!("{}-wal", engine.url.strip_prefix("sqlite://").unwrap());
    let mut writers = Vec::new();
    for writer in 0..16 {
        let store = engine.db.system();
        writers.push(tokio::spawn(async move {
            for number in 0..200 {
                let job = store.write(move |tx| {
                    Box::pin(async move {
                        let tenant = tx.tenant();
                        let long = "x".repeat(24_000);
                        let sql = "INSERT INTO effect (step_key, tenant, result, created_at) VALUES ($1, $2, $3, 0)";
                        tx.execute(sql, params![format!("{writer}-{number}"), tenant, long]).await
                    })
                });
                job.await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(rows(&engine).await, 3_200);
    // 75 MB were written; the log is copied each time it has 16 MiB.
    let length = std::fs::metadata(&log).unwrap().len();
    assert!(length < 56 << 20, "the log has {length} bytes");
}
