//! From a request's bytes to the JSON document that expressions see. What is JSON stays as it came,
//! byte for byte; forms, multipart and XML become objects by rules that a person can tell in
//! advance; a text stands as a string. A query (GET) is a form.
//!
//! | Came as | Is |
//! |---|---|
//! | form, query | one member per name; a list where a name repeats; a value that is itself a JSON object or array is that |
//! | multipart | the same for fields; a file is `{filename, content_type, size}`, its bytes are not kept |
//! | XML | `{root: ...}`: attributes as `@name`, text beside them as `#text`, a list where an element repeats, a text alone as a string |
//! | text | a string, or the JSON object or array that it holds |

mod fields;
mod xml;

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;
use url::form_urlencoded;

use fields::Fields;

/// Why the bytes are no document. Shown to whoever sends them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// What a body may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    Json,
    Form,
    Multipart { boundary: String },
    Xml,
    Text,
}

impl Format {
    /// What a media type announces. `None`: nothing that is taken.
    pub fn of(media: &str) -> Option<Self> {
        let mut parts = media.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let charset = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        let charset = charset.map(|(_, value)| value.trim().trim_matches('"').to_ascii_lowercase());
        if charset.is_some_and(|name| !["utf-8", "utf8", "us-ascii"].contains(&name.as_str())) {
            return None;
        }
        match kind.as_str() {
            "application/json" | "text/json" => Some(Self::Json),
            "application/x-www-form-urlencoded" => Some(Self::Form),
            "multipart/form-data" => Some(Self::Multipart { boundary: multer::parse_boundary(media).ok()? }),
            "application/xml" | "text/xml" => Some(Self::Xml),
            "text/plain" => Some(Self::Text),
            other if other.starts_with("application/") && other.ends_with("+json") => Some(Self::Json),
            other if other.starts_with("application/") && other.ends_with("+xml") => Some(Self::Xml),
            _ => None,
        }
    }

    /// The format of a logged request: that of its query if it was a GET.
    pub fn of_logged(method: &str, headers: &Value) -> Option<Self> {
        match method {
            "GET" => Some(Self::Form),
            _ => Self::of(headers.get("content-type").and_then(Value::as_str).unwrap_or("application/json")),
        }
    }

    /// The document, as JSON text.
    pub async fn read(&self, body: &Bytes) -> Result<Bytes, Unreadable> {
        match self {
            Self::Json => match serde_json::from_slice::<&RawValue>(body) {
                Ok(_) => Ok(body.clone()),
                Err(_) => Err(Unreadable("the body is no JSON document".to_owned())),
            },
            Self::Form => form(body),
            Self::Multipart { boundary } => fields::multipart(body.clone(), boundary).await,
            Self::Xml => Ok(written(&xml::read(text(body)?)?)),
            Self::Text => Ok(plain(text(body)?)),
        }
    }
}

/// A query without this parameter: a secret that stands in it is never kept.
pub fn query_without(query: &str, param: Option<&str>) -> String {
    let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| param != Some(&**name));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
}

fn form(body: &[u8]) -> Result<Bytes, Unreadable> {
    // What isn't UTF-8 behind its escapes would become question marks.
    let mut fields = Fields::default();
    for (name, value) in form_urlencoded::parse(body) {
        fields.text(name.into_owned(), value.into_owned())?;
    }
    Ok(written(&fields.into_value()))
}

fn plain(text: &str) -> Bytes {
    match structure(text) {
        Some(value) => written(&value),
        None => written(&Value::String(text.to_owned())),
    }
}

/// A JSON object or array that stands as a text.
fn structure(text: &str) -> Option<Value> {
    text.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str(text).ok()).flatten()
}

fn text(body: &[u8]) -> Result<&str, Unreadable> {
    let text = std::str::from_utf8(body).map_err(|_| Unreadable("the body is no UTF-8 text".to_owned()))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn written(value: &Value) -> Bytes {
    value.to_string().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn read(media: &str, body: &str) -> Result<Value, Unreadable> {
        let document = Format::of(media).unwrap().read(&Bytes::from(body.to_owned())).await?;
        Ok(serde_json::from_slice(&document).unwrap())
    }

    #[tokio::test]
    async fn json_stays_as_it_came() {
        let odd = " {\"a\" : 1.0, \"b\":\"\\u0041\"}\n";
        assert_eq!(Format::Json.read(&Bytes::from(odd)).await.unwrap(), odd);
        for bad in ["", "{", "{} {}", "nul", "\u{feff}{}"] {
            assert!(read("application/json", bad).await.is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_form_is_an_object_and_json_inside_a_field_is_json() {
        let form = "a=1&b=two+words&b=%C3%A4&payload=%7B%22x%22%3A%5B1%5D%7D&broken=%7Bno&empty=&=nameless";
        let expected =
            json!({"a": "1", "b": ["two words", "ä"], "payload": {"x": [1]}, "broken": "{no", "empty": "", "": "nameless"});
        assert_eq!(read("application/x-www-form-urlencoded; charset=UTF-8", form).await.unwrap(), expected);
        assert_eq!(read("application/x-www-form-urlencoded", "").await.unwrap(), json!({}));
    }

    #[tokio::test]
    async fn multipart_has_fields_and_tells_of_files() {
        let body = "--x\r\ncontent-disposition: form-data; name=\"payload\"\r\ncontent-type: application/json\r\n\r\n{\"a\": 1}\r\n\
            --x\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nplain\r\n\
            --x\r\ncontent-disposition: form-data; name=\"log\"; filename=\"a.txt\"\r\ncontent-type: text/plain\r\n\r\n12345\r\n--x--\r\n";
        let file = json!({"filename": "a.txt", "content_type": "text/plain", "size": 5});
        let expected = json!({"payload": {"a": 1}, "note": "plain", "log": file});
        assert_eq!(read("multipart/form-data; boundary=x", body).await.unwrap(), expected);
        let broken = body.replace("{\"a\": 1}", "{\"a\": ");
        assert!(read("multipart/form-data; boundary=x", &broken).await.is_err(), "what is announced as JSON has to be");
        assert!(read("multipart/form-data; boundary=x", &body[..60]).await.is_err(), "broken off");
    }

    #[tokio::test]
    async fn xml_is_an_object() {
        let body = "<?xml version=\"1.0\" encoding=\"utf-8\"?><!-- a note --><alert id=\"7\">\n <device>srv &amp; co</device>\n \
            <tag>a</tag><tag>b</tag><empty/><text lang=\"en\">hi<![CDATA[ <there>]]></text><n:x xmlns:n=\"u\">&#65;</n:x></alert>";
        let expected = json!({"alert": {"@id": "7", "device": "srv & co", "tag": ["a", "b"], "empty": "",
            "text": {"@lang": "en", "#text": "hi <there>"}, "n:x": {"@xmlns:n": "u", "#text": "A"}}});
        assert_eq!(read("text/xml", body).await.unwrap(), expected);
        for bad in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a>&unknown;</a>",
            "<a x='1' x='2'/>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
            "<?xml version='1.0' encoding='iso-8859-1'?><a/>",
        ] {
            assert!(read("application/xml", bad).await.is_err(), "{bad}");
        }
        assert!(read("application/xml", &"<a>".repeat(1_000)).await.is_err(), "deep");
    }

    #[tokio::test]
    async fn a_text_is_a_string_unless_it_is_json() {
        assert_eq!(read("text/plain", "disk full").await.unwrap(), json!("disk full"));
        assert_eq!(read("text/plain", "{\"Type\": \"Notification\"}").await.unwrap(), json!({"Type": "Notification"}));
        assert_eq!(read("text/plain; charset=utf-8", "17").await.unwrap(), json!("17"));
    }

    #[test]
    fn other_media_are_not_taken() {
        for bad in [
            "",
            "application/octet-stream",
            "image/png",
            "text/html",
            "application/json; charset=utf-16",
            "multipart/form-data",
            "text/plain; charset=iso-8859-1",
        ] {
            assert_eq!(Format::of(bad), None, "{bad}");
        }
        assert_eq!(Format::of("application/cloudevents+json"), Some(Format::Json));
    }

    #[test]
    fn a_token_does_not_stay_in_a_query() {
        assert_eq!(query_without("a=1&token=secret&b=%20x", Some("token")), "a=1&b=+x");
        assert_eq!(query_without("%74oken=secret", Some("token")), "");
    }
}
