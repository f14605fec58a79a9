//! What one command works with: the options of every command, the output, and a server that is reached, or started,
//! when it is first needed.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use smack_control::wire::Server;

use crate::cli::Global;
use crate::client::{Client, Endpoint, answers};
use crate::failure::Failure;
use crate::output::Output;
use crate::starting;

/// So often a server that broke off is started anew before its first answer.
const HANDSHAKES: u32 = 5;
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The surroundings of one command.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    global: Global,
    pub(crate) output: &'a Output,
    client: OnceCell<Client>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(global: Global, output: &'a Output) -> Self {
        Self {
            global,
            output,
            client: OnceCell::new(),
        }
    }

    pub(crate) fn verbosity(&self) -> u8 {
        self.global.verbose
    }

    /// Where everything is kept, as an absolute path.
    pub(crate) fn home(&self) -> Result<PathBuf, Failure> {
        let set = || std::env::var_os("SMACK_HOME").map(PathBuf::from);
        let given = self
            .global
            .home
            .clone()
            .or_else(set)
            .filter(|home| !home.as_os_str().is_empty());
        let home = given.or_else(|| std::env::home_dir().map(|user| user.join(".smack")));
        let Some(home) = home else {
            return Err(
                Failure::usage("neither SMACK_HOME nor HOME is set").hint("say where: --home DIR")
            );
        };
        std::path::absolute(&home)
            .map_err(|error| Failure::usage(format!("{}: {error}", home.display())))
    }

    /// Where its server listens.
    pub(crate) fn socket(&self) -> Result<PathBuf, Failure> {
        // sockaddr_un: 108 bytes with the final zero.
        const LONGEST: usize = 107;
        let socket = smack_control::socket(&self.home()?);
        if socket.as_os_str().len() > LONGEST {
            let what = format!(
                "{} is longer than the {LONGEST} bytes of a socket's path",
                socket.display()
            );
            return Err(
                Failure::usage(what).hint("choose a shorter home with --home or SMACK_HOME")
            );
        }
        Ok(socket)
    }

    /// The server at the address of `--api` or SMACK_API, if there is one.
    pub(crate) fn address(&self) -> Result<Option<Endpoint>, Failure> {
        let given = self
            .global
            .api
            .clone()
            .or_else(|| std::env::var("SMACK_API").ok());
        given
            .filter(|url| !url.is_empty())
            .map(|url| Endpoint::from_url(&url))
            .transpose()
    }

    /// A client of the server, which is started if none runs.
    pub(crate) fn client(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = match self.address()? {
            Some(endpoint) => Client::new(endpoint)?,
            None => {
                let socket = self.socket()?;
                self.ensure(&socket)?;
                Client::new(Endpoint::Socket(socket))?
            }
        };
        let mut tries = 0;
        while let Err(failure) = self.compare_versions(&client) {
            // A server that is just dying still takes a connection: the next one answers.
            tries += 1;
            if tries == HANDSHAKES || !matches!(failure, Failure::Unreachable { .. }) {
                return Err(failure);
            }
            std::thread::sleep(AGAIN_AFTER);
            self.reach_again()?;
        }
        Ok(self.client.get_or_init(|| client))
    }

    /// A client of the server that runs; `None` if none does. Starts nothing.
    pub(crate) fn running(&self) -> Result<Option<Client>, Failure> {
        match self.address()? {
            Some(endpoint) => Client::new(endpoint).map(Some),
            None => {
                let socket = self.socket()?;
                if answers(&socket) {
                    Client::new(Endpoint::Socket(socket)).map(Some)
                } else {
                    Ok(None)
                }
            }
        }
    }

    /// After the server broke off: another one is started where that is ours to do.
    pub(crate) fn reach_again(&self) -> Result<(), Failure> {
        match self.address()? {
            Some(_) => Ok(()),
            None => self.ensure(&self.socket()?),
        }
    }

    fn ensure(&self, socket: &Path) -> Result<(), Failure> {
        if answers(socket) {
            return Ok(());
        }
        self.output.detail(&format!(
            "no server answers at {}, starting one",
            socket.display()
        ));
        starting::start(&self.home()?, socket, &[])
    }

    fn compare_versions(&self, client: &Client) -> Result<(), Failure> {
        let server: Server = client.get("/v1/server")?;
        let ours = env!("CARGO_PKG_VERSION");
        if server.version != ours {
            let theirs = &server.version;
            self.output.note(&if is_newer(ours, theirs) {
                format!(
                    "note: the server is of version {theirs}, this is {ours}\n  \
                     hint: `smack server --replace` puts a new one in its place; tasks go on"
                )
            } else {
                format!("note: the server is of version {theirs}, this is only {ours}: some commands may not fit")
            });
        }
        if let Some(reason) = &server.halted {
            self.output.trouble(&format!(
                "note: the server decides nothing at the moment: {reason}"
            ));
        }
        Ok(())
    }
}

/// Whether version `a` comes after `b`, by their numbers.
fn is_newer(a: &str, b: &str) -> bool {
    let numbers = |text: &str| {
        let parts = text
            .split(['.', '-', '+'])
            .map_while(|part| part.parse::<u64>().ok());
        parts.collect::<Vec<_>>()
    };
    numbers(a) > numbers(b)
}

#[cfg(test)]
mod tests {
    use super::is_newer;

    #[test]
    fn versions_compare_by_number() {
        assert!(is_newer("0.10.0", "0.9.9"));
        assert!(!is_newer("0.9.9", "0.10.0"));
        assert!(!is_newer("0.1.0", "0.1.0"));
    }
}
