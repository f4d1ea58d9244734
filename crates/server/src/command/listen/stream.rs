//! Server-sent events, as our own server writes them: `event:`, `data:`, an empty line.

use std::time::Duration;

use anyhow::{Context, ensure};
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::timeout;

use crate::command::remote::Api;

/// The server says something every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(45);
const FRAME_BYTES_MAX: usize = 4 << 20;

pub struct Frame {
    pub name: String,
    pub data: Value,
}

pub struct Frames {
    body: Incoming,
    unread: Vec<u8>,
}

impl Frames {
    pub async fn open(api: &Api, path: &str) -> anyhow::Result<Self> {
        Ok(Self { body: api.open(Method::GET, path, None).await?, unread: Vec::new() })
    }

    /// The next frame; `None` at the end.
    pub async fn next(&mut self) -> anyhow::Result<Option<Frame>> {
        loop {
            while let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let text: Vec<u8> = self.unread.drain(..end + 2).collect();
                if let Some(frame) = parse(&String::from_utf8_lossy(&text)) {
                    return Ok(Some(frame));
                }
            }
            let more = timeout(SILENCE_MAX, self.body.frame()).await.context("the server went silent")?;
            let Some(more) = more else { return Ok(None) };
            if let Ok(data) = more.context("the connection broke")?.into_data() {
                self.unread.extend_from_slice(&data);
            }
            ensure!(self.unread.len() <= FRAME_BYTES_MAX, "the server sends something that is no stream of events");
        }
    }
}

/// `None` for a comment.
fn parse(text: &str) -> Option<Frame> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let data = field("data:").and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
    Some(Frame { name: field("event:")?.to_owned(), data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_skipped_and_frames_read() {
        assert!(parse(": still here\n\n").is_none());
        let frame = parse("event: end\ndata: {\"reason\":\"x\"}\n\n").unwrap();
        assert_eq!((frame.name.as_str(), frame.data["reason"].as_str()), ("end", Some("x")));
    }
}
