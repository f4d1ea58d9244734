//! Two groups of acme's people with a week of tasks: done, approved, sent back, late and still to do, and
//! a swap that somebody asks for. Made by the desk's own rules, like the rest of the week.

use std::sync::Arc;
use std::time::Duration;

use hookswitch_desk::Change;
use hookswitch_desk::group::{self, member, member::GroupRole};
use hookswitch_desk::record::{self, Record};
use hookswitch_desk::task::swap::{self, NewSwap, Side};
use hookswitch_desk::task::{Task, lifecycle};
use hookswitch_domain::audit::Actor;
use hookswitch_domain::id::{GroupId, TenantId, UserId};
use hookswitch_domain::time::Timestamp;
use hookswitch_pipeline::inbound::action::ActionError;
use hookswitch_store::{StoreError, Tx};
use serde_json::{Map, Value, json};

use super::week::Clock;
use crate::api::problem::Problem;
use crate::app::App;

const DAY: Duration = Duration::from_secs(86_400);

/// What becomes of a task by the end of the week.
#[derive(Clone, Copy)]
enum End {
    Done,
    Approved,
    SentBack,
    Waits,
    Begun,
    Open,
}

/// (name, difficulty, how often, who of the members, day on which it is made, days until it is due, its end)
type Plan = (&'static str, u8, &'static str, usize, u32, u32, End);

const FRONT: [Plan; 8] = [
    ("Water the plants", 1, "Weekly", 1, 0, 3, End::Done),
    ("Open the mail and hand it round", 2, "Daily", 1, 1, 1, End::Done),
    ("Check the first-aid box", 3, "Monthly", 2, 1, 4, End::Approved),
    ("Count the spare notebooks", 4, "OneTime", 2, 2, 6, End::SentBack),
    ("Renew the parking permits", 5, "OneTime", 1, 3, 3, End::Waits),
    ("Update the list of keys", 4, "OneTime", 2, 4, 6, End::Begun),
    ("Order coffee", 2, "OneTime", 1, 5, 5, End::Open),
    ("Plan the summer party", 6, "OneTime", 2, 5, 20, End::Open),
];
const FIELD: [Plan; 5] = [
    ("Refill the van's toolbox", 2, "Weekly", 1, 0, 5, End::Done),
    ("Label the new patch panel", 5, "OneTime", 1, 2, 4, End::Approved),
    ("Return the borrowed ladder", 1, "OneTime", 2, 3, 2, End::Open),
    ("Test the spare access points", 6, "OneTime", 2, 4, 7, End::Open),
    ("Photograph the server room", 5, "OneTime", 1, 5, 7, End::Open),
];

/// Makes both groups; `people` are an owner and two members.
pub async fn fill(app: &Arc<App>, tenant: TenantId, people: [UserId; 3]) -> Result<(), Problem> {
    let (publisher, real) = (app.engine.publisher.clone(), app.ambient.clone());
    let store = app.db.for_tenant(tenant);
    let job = store.write::<_, Problem, _>(move |tx| {
        Box::pin(async move {
            let (clock, begin) = (Clock::at(real.now().minus(DAY * 7), real.clone()), real.now().minus(DAY * 7));
            let by = |user| Change::by(Actor::User(user), &clock, &publisher);
            let front = make(tx, &by(people[0]), "Front office", "Whoever sits at the entrance", people).await?;
            week(tx, &by, &clock, begin, front, people, &FRONT).await?;
            clock.set(begin);
            let field = make(tx, &by(people[0]), "Field service", "On the road, with a van", people).await?;
            let open = week(tx, &by, &clock, begin, field, people, &FIELD).await?;
            clock.set(real.now().minus(Duration::from_secs(3_600)));
            ask(tx, &by(people[2]), people, &open).await
        })
    });
    job.await
}

async fn make(tx: &mut Tx, change: &Change<'_>, name: &str, about: &str, people: [UserId; 3]) -> Result<GroupId, ActionError> {
    let given = Map::from_iter([("name".to_owned(), json!(name)), ("description".to_owned(), json!(about))]);
    let made = group::create(tx, change, &given, people[0]).await?;
    member::add(tx, change, made.id, people[1], GroupRole::Admin).await?;
    member::add(tx, change, made.id, people[2], GroupRole::Member).await?;
    Ok(made.id)
}

/// Goes through the plans; returns what is still open.
async fn week<'c>(
    tx: &mut Tx,
    by: &(impl Fn(UserId) -> Change<'c> + Sync),
    clock: &Clock,
    begin: Timestamp,
    group: GroupId,
    people: [UserId; 3],
    plans: &[Plan],
) -> Result<Vec<Record<Task>>, ActionError> {
    let mut open = Vec::new();
    for (name, difficulty, frequency, who, day, due, end) in plans {
        let (made, who) = (begin.plus(DAY * *day), people[*who]);
        clock.set(made);
        let approval = matches!(end, End::Approved | End::SentBack | End::Waits);
        let given = json!({"name": name, "difficulty": difficulty, "frequency": frequency, "assigned_user_id": who,
            "due_at": made.plus(DAY * *due), "requires_approval": approval});
        let task = lifecycle::create(tx, &by(people[0]), group, &object(given)).await?;
        clock.set(made.plus(DAY / 2));
        match end {
            End::Open => open.push(task),
            End::Begun => {
                lifecycle::update(tx, &by(who), task, &object(json!({"status": "InProgress"}))).await?;
            }
            _ => finish(tx, by, task, who, people[0], *end).await?,
        }
    }
    Ok(open)
}

async fn finish<'c>(
    tx: &mut Tx,
    by: &(impl Fn(UserId) -> Change<'c> + Sync),
    task: Record<Task>,
    who: UserId,
    owner: UserId,
    end: End,
) -> Result<(), ActionError> {
    let done = lifecycle::complete(tx, &by(who), task, Some("Done.".to_owned())).await?;
    let held = record::get::<Task>(tx, done.record.id).await?;
    let held = held.ok_or_else(|| StoreError::Bug("a task that was just made is gone".to_owned()))?;
    match end {
        End::Approved => drop(lifecycle::approve(tx, &by(owner), held).await?),
        End::SentBack => drop(lifecycle::reject(tx, &by(owner), held, "Two of them are missing on the list").await?),
        _ => {}
    }
    Ok(())
}

/// The member asks the admin for the task that is due later.
async fn ask(tx: &mut Tx, change: &Change<'_>, people: [UserId; 3], open: &[Record<Task>]) -> Result<(), Problem> {
    let of = |user: UserId| {
        let late = change.ambient.now().plus(DAY);
        open.iter().find(|task| task.fields.assigned_user_id == Some(user) && task.fields.due_at.is_some_and(|due| due > late))
    };
    let (Some(mine), Some(theirs)) = (of(people[2]), of(people[1])) else { return Ok(()) };
    let asked = NewSwap {
        requester: Side { user_id: people[2], task_id: mine.id },
        target: Side { user_id: people[1], task_id: theirs.id },
        reason: Some("Out of town that day".to_owned()),
        allow_difficulty_override: false,
    };
    swap::request(tx, change, asked).await?;
    Ok(())
}

fn object(given: Value) -> Map<String, Value> {
    match given {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
