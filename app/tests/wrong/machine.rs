//! What a case of the table does to the machine before its commands, and how that is undone.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use crate::support::Smack;

/// A shell that mounts a file system with the options in `$DISK` over its first argument, runs the command in the others
/// on it, and ends the server that this started, for nobody else can reach it there.
const ON_A_DISK: &str = r#"mount -t tmpfs -o "$DISK" none "$0" || exit 99
"$@"; code=$?; "$1" down a >/dev/null 2>&1; "$1" server --stop >/dev/null 2>&1; exit $code"#;

#[derive(Default)]
pub(crate) struct Machine {
    listeners: Vec<TcpListener>,
    /// The options of the disk on which the home of the next commands is, mounted over WORK/disk.
    disk: Option<&'static str>,
}

impl Machine {
    /// `take VDC TASK PORT`: a stranger listens on the port of a task. `tar NAME ENTRY [-> TARGET]`: an archive with one
    /// entry, or with a link. `big NAME MIB`: a file. `disk small`, `disk read-only`: where the home of the next commands is.
    pub(crate) fn prepare(&mut self, smack: &Smack, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["take", vdc, task, port] => {
                let address = address(smack, vdc, task);
                let listener = TcpListener::bind((address.as_str(), port.parse().unwrap()));
                self.listeners.push(listener.expect("the port is free"));
            }
            ["tar", name, entry] => {
                fs::write(smack.work.path().join(name), tar(entry, None)).unwrap();
            }
            ["tar", name, entry, "->", target] => {
                fs::write(smack.work.path().join(name), tar(entry, Some(target))).unwrap();
            }
            ["big", name, mebibytes] => {
                let length = mebibytes.parse::<usize>().unwrap() << 20;
                fs::write(smack.work.path().join(name), vec![7; length]).unwrap();
            }
            ["disk", "small"] => self.disk = Some("size=2m"),
            ["disk", "read-only"] => self.disk = Some("ro"),
            _ => panic!("no preparation: {line}"),
        }
    }

    /// The command as the machine has it run.
    pub(crate) fn wrapped(&self, smack: &Smack, command: Command) -> Command {
        let Some(options) = self.disk else {
            return command;
        };
        let disk = smack.work.path().join("disk");
        fs::create_dir_all(&disk).unwrap();
        let is_root = rustix::process::geteuid().is_root();
        let mut wrapped = Command::new("unshare");
        wrapped
            .args(if is_root {
                ["-m"].as_slice()
            } else {
                &["-r", "-m"]
            })
            .args(["sh", "-c", ON_A_DISK])
            .arg(&disk)
            .arg(command.get_program())
            .args(command.get_args())
            .env("SMACK_HOME", &disk)
            .env("DISK", options);
        if let Some(directory) = command.get_current_dir() {
            wrapped.current_dir(directory);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) if name != "SMACK_HOME" => wrapped.env(name, value),
                Some(_) => &mut wrapped,
                None => wrapped.env_remove(name),
            };
        }
        wrapped
    }

    /// Undoes everything, and ends what the case left up.
    pub(crate) fn end(&mut self, smack: &Smack) {
        self.listeners.clear();
        self.disk = None;
        let up = smack.run(&["status", "--json"]);
        for vdc in up.json().as_array().into_iter().flatten() {
            let name = vdc["vdc"].as_str().unwrap_or_default();
            let ended = smack.run(&["down", name]);
            assert_eq!(ended.code, Some(0), "{}", ended.told());
        }
        for home in fs::read_dir(smack.work.path()).unwrap().flatten() {
            if home.path().join("api.sock").exists() {
                let mut command = smack.command(&["server", "--stop"]);
                command.env("SMACK_HOME", home.path());
                smack.finish(command);
            }
        }
    }
}

fn address(smack: &Smack, vdc: &str, task: &str) -> String {
    let status = smack.run(&["status", vdc, "--json"]).json();
    let tasks = status[0]["tasks"].as_array().cloned().unwrap_or_default();
    let found = tasks.iter().find(|known| known["name"] == task);
    let address = found.and_then(|task| task["address"].as_str());
    address
        .unwrap_or_else(|| panic!("no address of {task} in {status}"))
        .to_owned()
}

/// One header of a `ustar` archive (POSIX.1-1988), with a name that no honest archiver writes.
fn tar(name: &str, target: Option<&str>) -> Vec<u8> {
    let mut header = vec![0_u8; 512];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, "00000000000\0");
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, if target.is_some() { "2" } else { "0" });
    put(157, target.unwrap_or_default());
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.resize(512 * 3, 0);
    header
}
