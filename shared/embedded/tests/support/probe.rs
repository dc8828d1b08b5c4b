//! Writes to the servers and reads back, by their own protocols.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::support::BOUND;

const STREAM: &str = "kept";

pub(crate) async fn write_document(port: u16) {
    // {insert: "kept", documents: [{}], writeConcern: {w: "majority"}, $db: "admin"}
    let reply = mongod(port, |body| {
        text(body, "insert", "kept");
        element(
            body,
            4,
            "documents",
            &document(|array| element(array, 3, "0", &document(|_| {}))),
        );
        let concern = document(|concern| text(concern, "w", "majority"));
        element(body, 3, "writeConcern", &concern);
    });
    assert_eq!(number(&reply.await, "n"), 1);
}

pub(crate) async fn count_documents(port: u16) -> i32 {
    number(&mongod(port, |body| text(body, "count", "kept")).await, "n")
}

pub(crate) async fn create_stream(port: u16) {
    let config = format!(r#"{{"name":"{STREAM}","subjects":["{STREAM}.>"],"storage":"file"}}"#);
    let answer = nats(port, &format!("$JS.API.STREAM.CREATE.{STREAM}"), &config).await;
    assert!(answer.contains("created"), "{answer}");
}

pub(crate) async fn has_stream(port: u16) -> bool {
    nats(port, &format!("$JS.API.STREAM.INFO.{STREAM}"), "")
        .await
        .contains("created")
}

/// One request over a connection of its own, and its answer.
async fn nats(port: u16, subject: &str, payload: &str) -> String {
    let exchange = async {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
        let size = payload.len();
        let request = format!(
            "CONNECT {{\"verbose\":false}}\r\nSUB answer 1\r\nPUB {subject} answer {size}\r\n{payload}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut line = String::new();
        while !line.starts_with("MSG ") {
            line.clear();
            assert_ne!(
                stream.read_line(&mut line).await.unwrap(),
                0,
                "nats-server hung up"
            );
        }
        let size: usize = line.split_whitespace().last().unwrap().parse().unwrap();
        let mut answer = vec![0; size];
        stream.read_exact(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    };
    timeout(BOUND, exchange).await.expect("an answer in time")
}

/// One command to the `admin` database over a connection of its own, and the answer's document.
async fn mongod(port: u16, fill: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let command = document(|body| {
        fill(body);
        text(body, "$db", "admin");
    });
    let mut message = Vec::new();
    for field in [i32::try_from(21 + command.len()).unwrap(), 1, 0, 2013, 0] {
        message.extend(field.to_le_bytes());
    }
    message.push(0);
    message.extend(command);
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(&message).await.unwrap();
        let size = stream.read_i32_le().await.unwrap();
        let mut reply = vec![0; usize::try_from(size).unwrap() - 4];
        stream.read_exact(&mut reply).await.unwrap();
        reply
    };
    timeout(Duration::from_secs(10), exchange)
        .await
        .expect("an answer in time")
}

fn document(fill: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = Vec::new();
    fill(&mut body);
    let size = i32::try_from(body.len() + 5).unwrap();
    [size.to_le_bytes().to_vec(), body, vec![0]].concat()
}

fn element(body: &mut Vec<u8>, tag: u8, name: &str, payload: &[u8]) {
    body.push(tag);
    body.extend_from_slice(name.as_bytes());
    body.push(0);
    body.extend_from_slice(payload);
}

fn text(body: &mut Vec<u8>, name: &str, value: &str) {
    let size = i32::try_from(value.len() + 1).unwrap();
    let payload = [&size.to_le_bytes(), value.as_bytes(), b"\0"].concat();
    element(body, 2, name, &payload);
}

/// The 32-bit number of that name, wherever it stands in the reply.
fn number(reply: &[u8], name: &str) -> i32 {
    let key = [b"\x10", name.as_bytes(), b"\0"].concat();
    let start = reply
        .windows(key.len())
        .position(|window| window == key)
        .expect("a number");
    let bytes = &reply[start + key.len()..][..4];
    i32::from_le_bytes(bytes.try_into().unwrap())
}
