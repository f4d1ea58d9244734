//! Named values: of a form, a query or a multipart body.

use bytes::Bytes;
use futures_util::stream;
use serde_json::{Map, Value, json};

use super::{Unreadable, structure, written};

/// More names or values than this are no form.
const VALUES_MAX: usize = 1_000;

#[derive(Default)]
pub(super) struct Fields {
    values: Map<String, Value>,
    /// Names that came more than once: their values stand in a list.
    lists: Vec<String>,
    count: usize,
}

impl Fields {
    /// A text; what holds a JSON object or array is that.
    pub(super) fn text(&mut self, name: String, text: String) -> Result<(), Unreadable> {
        let value = structure(&text).unwrap_or(Value::String(text));
        self.push(name, value)
    }

    fn push(&mut self, name: String, value: Value) -> Result<(), Unreadable> {
        self.count += 1;
        if self.count > VALUES_MAX {
            return Err(Unreadable(format!("the body has more than {VALUES_MAX} fields")));
        }
        match self.values.get_mut(&name) {
            None => drop(self.values.insert(name, value)),
            Some(Value::Array(list)) if self.lists.contains(&name) => list.push(value),
            Some(first) => {
                *first = json!([first.take(), value]);
                self.lists.push(name);
            }
        }
        Ok(())
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.values)
    }
}

pub(super) async fn multipart(body: Bytes, boundary: &str) -> Result<Bytes, Unreadable> {
    let broken = |error: multer::Error| Unreadable(format!("the body is no multipart form: {error}"));
    let whole = stream::once(async { Ok::<_, std::convert::Infallible>(body) });
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut fields = Fields::default();
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_owned();
        let media = part.content_type().map(|media| media.essence_str().to_ascii_lowercase());
        if let Some(filename) = part.file_name().map(str::to_owned) {
            let size = part.bytes().await.map_err(broken)?.len();
            fields.push(name, json!({ "filename": filename, "content_type": media, "size": size }))?;
            continue;
        }
        let bytes = part.bytes().await.map_err(broken)?;
        if media.as_deref() == Some("application/json") {
            let value = serde_json::from_slice(&bytes);
            fields.push(name.clone(), value.map_err(|_| Unreadable(format!("the part {name:?} is no JSON document")))?)?;
            continue;
        }
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| Unreadable(format!("the part {name:?} is no UTF-8 text")))?;
        fields.text(name, text)?;
    }
    Ok(written(&fields.into_value()))
}
