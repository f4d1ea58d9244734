//! What can go wrong between us and a database, told apart by what the caller can do about it.

/// An error of the store. Only `server::api::problem` turns it into HTTP.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique rule was broken; the constraint's name or columns.
    #[error("already there: {0}")]
    Conflict(String),
    /// Full, locked, restarting, out of disk: the same request may succeed later.
    #[error("the database can't take it now: {0}")]
    Unavailable(String),
    /// Another transaction was in the way (deadlock, serialisation): the same one may succeed at once.
    #[error("another transaction was in the way: {0}")]
    Contended(String),
    /// The group committer's queue is full: answer 503 with Retry-After.
    #[error("too much is waiting to be written")]
    Overloaded,
    /// A row isn't what this version writes.
    #[error("the database holds something unexpected: {0}")]
    Corrupt(String),
    /// A statement that can't work: a bug of ours.
    #[error("database: {0}")]
    Bug(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::*;
        let text = error.to_string();
        match error.sqlite_error().map(|inner| (inner.code, inner.extended_code)) {
            Some((
                ConstraintViolation,
                rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
            )) => Self::Conflict(text),
            Some((DatabaseBusy | DatabaseLocked | DiskFull | SystemIoFailure | OutOfMemory | CannotOpen | ReadOnly, _)) => {
                Self::Unavailable(text)
            }
            Some((DatabaseCorrupt | NotADatabase, _)) => Self::Corrupt(text),
            _ => Self::Bug(text),
        }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            return Self::Unavailable(format!("{error}{cause}"));
        };
        let text = format!("{} ({})", db.message(), db.code().code());
        match db.code().code() {
            "23505" => Self::Conflict(db.constraint().unwrap_or(db.message()).to_owned()),
            "40001" | "40P01" => Self::Contended(text),
            // Classes: connection, resources, operator intervention, system; and serialisation, deadlock, read-only.
            code if ["08", "53", "57", "58"].contains(&&code[..2]) || ["25006", "55P03"].contains(&code) => {
                Self::Unavailable(text)
            }
            _ => Self::Bug(text),
        }
    }
}

impl From<deadpool_postgres::PoolError> for StoreError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            other => Self::Unavailable(other.to_string()),
        }
    }
}
