//! Just enough HTTP/1.1 for a load generator that must not eat the processor it shares with what it
//! measures: messages with a Content-Length over a kept-alive connection, in both directions.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MESSAGE_BYTES_MAX: usize = 4 << 20;

pub struct Conn {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes at the front that belong to the message handed out last.
    used: usize,
    filled: usize,
}

/// A request or an answer: its start line and headers, and its body.
pub struct Message<'a> {
    pub head: &'a [u8],
    pub body: &'a [u8],
}

impl Conn {
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 8 << 10], used: 0, filled: 0 })
    }

    pub async fn connect(address: std::net::SocketAddr) -> io::Result<Self> {
        Self::new(TcpStream::connect(address).await?)
    }

    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// The next message, or nothing if the other side closed between two messages.
    pub async fn next(&mut self) -> io::Result<Option<Message<'_>>> {
        self.buffer.copy_within(self.used..self.filled, 0);
        self.filled -= self.used;
        self.used = 0;
        let (head_len, total) = loop {
            if let Some(frame) = frame(&self.buffer[..self.filled])?
                && frame.1 <= self.filled
            {
                break frame;
            }
            if self.filled == self.buffer.len() {
                self.buffer.resize(self.filled * 2, 0);
            }
            match self.stream.read(&mut self.buffer[self.filled..]).await? {
                0 if self.filled == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.filled += read,
            }
        };
        self.used = total;
        Ok(Some(Message { head: &self.buffer[..head_len], body: &self.buffer[head_len..total] }))
    }

    /// One exchange as a client.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Message<'_>> {
        self.send(request).await?;
        self.next().await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl<'a> Message<'a> {
    /// Status of an answer; 0 if this is none.
    pub fn status(&self) -> u16 {
        let digits = self.head.get(9..12).unwrap_or_default();
        std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub fn header(&self, name: &str) -> Option<&'a str> {
        header(self.head, name)
    }
}

/// Length of the head and of the whole message, once the head is complete.
fn frame(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return if bytes.len() > MESSAGE_BYTES_MAX { Err(invalid("endless head")) } else { Ok(None) };
    };
    let head = &bytes[..end + 4];
    if header(head, "transfer-encoding").is_some() {
        return Err(invalid("a message without Content-Length"));
    }
    let body: usize = match header(head, "content-length") {
        Some(text) => text.parse().map_err(|_| invalid("Content-Length"))?,
        None => 0,
    };
    if body > MESSAGE_BYTES_MAX {
        return Err(invalid("oversize body"));
    }
    Ok(Some((head.len(), head.len() + body)))
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let value = head.split(|byte| *byte == b'\n').find_map(|line| {
        let (key, rest) = line.split_at_checked(name.len())?;
        let rest = rest.strip_prefix(b":")?;
        key.eq_ignore_ascii_case(name.as_bytes()).then_some(rest)
    })?;
    std::str::from_utf8(value.trim_ascii()).ok()
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_complete_only_with_its_whole_body() {
        let bytes = b"HTTP/1.1 202 Accepted\r\nContent-length: 3\r\n\r\nabcHTTP";
        assert_eq!(frame(&bytes[..20]).unwrap(), None);
        let (head, total) = frame(bytes).unwrap().unwrap();
        assert_eq!(&bytes[head..total], b"abc");
        assert_eq!(Message { head: &bytes[..head], body: b"" }.status(), 202);
    }

    #[test]
    fn a_body_of_unknown_length_is_an_error_and_no_empty_body() {
        assert!(frame(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
