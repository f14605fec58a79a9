//! A server made of canned answers: a thread per connection on a unix socket, one request each, everything recorded.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    /// By `METHOD path`, without the query; the last answer of several stays.
    answers: BTreeMap<String, Vec<Answer>>,
    /// `METHOD path?query body`.
    requests: Vec<String>,
    /// Connections to accept and close without an answer.
    drops: usize,
}

/// A fake server on a socket.
pub(crate) struct Fake(Arc<Mutex<State>>);

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        Self {
            status: 200,
            body: value.to_string().into_bytes(),
        }
    }
}

impl Answer {
    pub(crate) fn text(text: &str) -> Self {
        Self {
            status: 200,
            body: text.as_bytes().to_vec(),
        }
    }

    pub(crate) fn refusal(status: u16, error: &str, hint: Option<&str>) -> Self {
        Self {
            status,
            body: json!({"error": error, "hint": hint})
                .to_string()
                .into_bytes(),
        }
    }
}

impl Fake {
    pub(crate) fn start(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self(state)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers `METHOD path` so from now on.
    pub(crate) fn on(&self, request: &str, answer: impl Into<Answer>) {
        self.state()
            .answers
            .insert(request.to_owned(), vec![answer.into()]);
    }

    /// Answers one after the other, the last for ever.
    pub(crate) fn on_each(&self, request: &str, answers: Vec<Answer>) {
        self.state().answers.insert(request.to_owned(), answers);
    }

    /// Closes that many connections without an answer.
    pub(crate) fn drop_next(&self, count: usize) {
        self.state().drops = count;
    }

    /// Requests that changed something, with their bodies.
    pub(crate) fn changes(&self) -> Vec<String> {
        self.state()
            .requests
            .iter()
            .filter(|request| !request.starts_with("GET "))
            .cloned()
            .collect()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }
}

fn serve(stream: UnixStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length:")?
            .trim()
            .parse()
            .ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let mut words = head.split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let answer = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.drops > 0 && target != "/v1/server" {
            state.drops -= 1;
            return;
        }
        state.requests.push(
            format!("{method} {target} {}", String::from_utf8_lossy(&body))
                .trim_end()
                .to_owned(),
        );
        answer(
            &mut state,
            &format!("{method} {}", target.split('?').next().unwrap_or_default()),
        )
    };
    let Answer { status, body } = answer;
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = reader.into_inner();
    drop(
        stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&body)),
    );
}

fn answer(state: &mut State, request: &str) -> Answer {
    match state.answers.get_mut(request) {
        Some(answers) if answers.len() > 1 => answers.remove(0),
        Some(answers) => answers[0].clone(),
        // A journal that is silent has to take its time.
        None if request == "GET /v1/events" => {
            std::thread::sleep(std::time::Duration::from_millis(5));
            json!([]).into()
        }
        None => Answer::refusal(
            404,
            &format!("the fake server has no answer to {request}"),
            None,
        ),
    }
}
