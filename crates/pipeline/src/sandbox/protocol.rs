//! What goes over the pipes between the pool and a worker. Both ends are the same binary, so there is no
//! version. Length-prefixed binary frames, little-endian: the body and the results are JSON texts already,
//! and travel as they are instead of escaped inside another document.
//!
//! * hello (worker, once it is ready): one frame with an empty payload
//! * request: mode, expressions, input
//! * reply: one outcome per expression, in order, or a refusal of the input as a whole

use std::io::{self, Read};

use hookswitch_domain::mapping::ExpressionError;

/// One evaluation's result may take this much as JSON.
pub const OUTPUT_BYTES_MAX: usize = 256 * 1024;
/// What a worker reads, and what the pool reads back: 16 results of full size and then some.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Evaluate,
    /// Parse only; the input is not looked at.
    Compile,
}

/// A request as the worker reads it, borrowed from its frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub mode: Mode,
    /// Text and time limit in milliseconds.
    pub expressions: Vec<(&'a str, u32)>,
    pub input: &'a [u8],
}

/// What one expression gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// JSON text.
    Value(Vec<u8>),
    Undefined,
    Failed(ExpressionError),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// The worker has grown too large to be used again.
    pub retire: bool,
    /// An error means that the input is no JSON that can be worked on.
    pub outcomes: Result<Vec<Outcome>, String>,
}

const RETIRE: u8 = 1;
const REFUSED: u8 = 2;

impl Request<'_> {
    /// The whole frame, length included.
    pub fn frame(&self) -> Vec<u8> {
        let texts: usize = self.expressions.iter().map(|(text, _)| text.len() + 8).sum();
        let mut frame = start_frame(16 + texts + self.input.len());
        frame.push(matches!(self.mode, Mode::Compile).into());
        put_u32(&mut frame, self.expressions.len());
        for (text, limit_ms) in &self.expressions {
            frame.extend_from_slice(&limit_ms.to_le_bytes());
            put_bytes(&mut frame, text.as_bytes());
        }
        frame.extend_from_slice(self.input);
        finish_frame(frame)
    }
}

impl<'a> Request<'a> {
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let mut rest = payload;
        let mode = if take(&mut rest, 1)? == [0] { Mode::Evaluate } else { Mode::Compile };
        let count = take_u32(&mut rest)?;
        let mut expressions = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            let limit_ms = take_u32(&mut rest)? as u32;
            expressions.push((str::from_utf8(take_bytes(&mut rest)?).ok()?, limit_ms));
        }
        Some(Self { mode, expressions, input: rest })
    }
}

impl Reply {
    pub fn frame(&self) -> Vec<u8> {
        let mut frame = start_frame(512);
        frame.push(if self.retire { RETIRE } else { 0 } | if self.outcomes.is_err() { REFUSED } else { 0 });
        match &self.outcomes {
            Err(reason) => put_bytes(&mut frame, reason.as_bytes()),
            Ok(outcomes) => {
                put_u32(&mut frame, outcomes.len());
                outcomes.iter().for_each(|outcome| outcome.write(&mut frame));
            }
        }
        finish_frame(frame)
    }

    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut rest = payload;
        let flags = take(&mut rest, 1)?[0];
        let outcomes = if flags & REFUSED != 0 {
            Err(String::from_utf8_lossy(take_bytes(&mut rest)?).into_owned())
        } else {
            let count = take_u32(&mut rest)?;
            Ok((0..count).map(|_| Outcome::read(&mut rest)).collect::<Option<_>>()?)
        };
        Some(Self { retire: flags & RETIRE != 0, outcomes })
    }
}

impl Outcome {
    fn write(&self, frame: &mut Vec<u8>) {
        match self {
            Self::Undefined => frame.push(0),
            Self::Value(json) => {
                frame.push(1);
                put_bytes(frame, json);
            }
            Self::Failed(error) => {
                frame.push(2);
                put_bytes(frame, error.code.as_bytes());
                put_bytes(frame, error.message.as_bytes());
                frame.extend_from_slice(&error.position.map_or(u32::MAX, |position| position).to_le_bytes());
            }
        }
    }

    fn read(rest: &mut &[u8]) -> Option<Self> {
        match take(rest, 1)?[0] {
            0 => Some(Self::Undefined),
            1 => Some(Self::Value(take_bytes(rest)?.to_vec())),
            2 => {
                let code = String::from_utf8_lossy(take_bytes(rest)?).into_owned();
                let message = String::from_utf8_lossy(take_bytes(rest)?).into_owned();
                let position = Some(take_u32(rest)? as u32).filter(|position| *position != u32::MAX);
                Some(Self::Failed(ExpressionError { code, message, position }))
            }
            _ => None,
        }
    }
}

/// The worker's first words: it is limited and ready.
pub fn hello() -> Vec<u8> {
    finish_frame(start_frame(0))
}

/// The next frame's payload into `buffer`; false at the end of the input.
pub fn read_frame(source: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    match source.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        other => other?,
    }
    let length = payload_length(length).ok_or(io::ErrorKind::InvalidData)?;
    buffer.clear();
    buffer.resize(length, 0);
    source.read_exact(buffer)?;
    Ok(true)
}

/// None if no honest peer would send that much.
pub fn payload_length(prefix: [u8; 4]) -> Option<usize> {
    Some(u32::from_le_bytes(prefix) as usize).filter(|length| *length <= FRAME_BYTES_MAX)
}

fn start_frame(capacity: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(capacity + 4);
    frame.extend_from_slice(&[0; 4]);
    frame
}

fn finish_frame(mut frame: Vec<u8>) -> Vec<u8> {
    let length = (frame.len() - 4) as u32;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame
}

fn put_u32(frame: &mut Vec<u8>, value: usize) {
    frame.extend_from_slice(&(value as u32).to_le_bytes());
}

fn put_bytes(frame: &mut Vec<u8>, bytes: &[u8]) {
    put_u32(frame, bytes.len());
    frame.extend_from_slice(bytes);
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn take_u32(rest: &mut &[u8]) -> Option<usize> {
    let bytes = take(rest, 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes) as usize)
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_u32(rest)?;
    take(rest, length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_arrives_as_it_was_sent() {
        let request = Request { mode: Mode::Compile, expressions: vec![("a.b", 25), ("\"ü\"", 500)], input: b"{\"a\":1}" };
        let frame = request.frame();
        let mut payload = Vec::new();
        assert!(read_frame(&mut frame.as_slice(), &mut payload).unwrap());
        assert_eq!(Request::parse(&payload), Some(request));
    }

    #[test]
    fn a_reply_arrives_as_it_was_sent() {
        let failed = ExpressionError { code: "S0201".into(), message: "no".into(), position: Some(3) };
        let outcomes = vec![Outcome::Value(b"[1]".to_vec()), Outcome::Undefined, Outcome::Failed(failed)];
        for reply in [
            Reply { retire: true, outcomes: Ok(outcomes) },
            Reply { retire: false, outcomes: Err("line 1".into()) },
            Reply { retire: false, outcomes: Ok(vec![Outcome::Failed(ExpressionError::new("T1", "no position"))]) },
        ] {
            assert_eq!(Reply::parse(&reply.frame()[4..]), Some(reply));
        }
    }

    #[test]
    fn the_end_of_the_input_is_no_error_and_a_huge_frame_is_one() {
        let mut payload = Vec::new();
        assert!(!read_frame(&mut [].as_slice(), &mut payload).unwrap());
        assert!(read_frame(&mut [255, 255, 255, 255, 0].as_slice(), &mut payload).is_err());
        assert_eq!(hello(), [0; 4]);
    }

    proptest! {
        #[test]
        fn whatever_a_worker_sends_is_read_without_a_panic(bytes: Vec<u8>) {
            let _ = Reply::parse(&bytes);
            let _ = Request::parse(&bytes);
        }
    }
}
