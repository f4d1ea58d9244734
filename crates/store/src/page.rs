//! A page of a list, newest first. Ids are time-ordered, so that a cursor, `from` and `to` are all
//! bounds on the id, and a page costs the same wherever it lies.

use hookswitch_domain::id::uuid_floor;
use hookswitch_domain::time::Timestamp;
use uuid::Uuid;

/// Which rows a list shows. Statements use it as `id < below AND id >= floor ORDER BY id DESC LIMIT fetch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The last id of the page before.
    pub after: Option<Uuid>,
    /// The first moment that is shown.
    pub from: Option<Timestamp>,
    /// The first moment that is no longer shown.
    pub to: Option<Timestamp>,
    pub limit: u32,
}

impl Page {
    pub const fn first(limit: u32) -> Self {
        Self { after: None, from: None, to: None, limit }
    }

    /// Ids on the page are smaller than this.
    pub fn below(&self) -> Uuid {
        let to = self.to.map_or(Uuid::max(), uuid_floor);
        self.after.map_or(to, |after| after.min(to))
    }

    /// Ids on the page are this or greater.
    pub fn floor(&self) -> Uuid {
        self.from.map_or(Uuid::nil(), uuid_floor)
    }

    /// One row more than is shown says whether there is a next page.
    pub const fn fetch(&self) -> i64 {
        self.limit as i64 + 1
    }
}
