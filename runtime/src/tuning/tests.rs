use super::{Log, Record};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: u32,
    value: f64,
}

impl Record for Line {
    type Key = u32;

    fn key(&self) -> u32 {
        self.key
    }
}

fn append_raw(path: &Path, text: &[u8]) {
    std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text).unwrap();
}

fn keys(log: &Log<Line>) -> Vec<u32> {
    log.records().map(|record| record.key).collect()
}

#[test]
fn what_is_appended_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    assert!(Log::<Line>::read(&path).err().unwrap().to_string().contains("log: "));
    let mut log = Log::open(&path).unwrap();
    assert!(log.append(Line { key: 2, value: 0.5 }).unwrap());
    assert!(log.append(Line { key: 1, value: 1e300 }).unwrap());
    assert!(!log.append(Line { key: 2, value: 9.0 }).unwrap(), "the first record counts");
    let again = Log::<Line>::read(&path).unwrap();
    assert_eq!(keys(&again), [1, 2]);
    assert_eq!(again.get(&2), Some(&Line { key: 2, value: 0.5 }));
    assert_eq!(again.notices, [""; 0]);
}

#[test]
fn a_torn_line_is_cut_off_aloud() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut log = Log::open(&path).unwrap();
    log.append(Line { key: 1, value: 1.0 }).unwrap();
    let whole = std::fs::read(&path).unwrap();
    append_raw(&path, b"{\"key\":2,\"val");
    let mut reader = Log::<Line>::read(&path).unwrap();
    assert!(reader.take_notices()[0].contains("log:2: is torn: its 13 bytes are ignored"));
    assert_ne!(std::fs::read(&path).unwrap(), whole, "reading changes nothing");
    // A process that has it open repairs it too.
    assert!(log.append(Line { key: 2, value: 2.0 }).unwrap());
    assert!(log.take_notices()[0].contains("log:2: was torn: its 13 bytes are cut off"));
    assert_eq!(log.take_notices(), [""; 0]);
    let reader = Log::<Line>::read(&path).unwrap();
    assert_eq!((keys(&reader), reader.notices.len()), (vec![1, 2], 0));
}

#[test]
fn foreign_lines_are_ignored_aloud() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    std::fs::write(&path, b"{\"key\":3,\"value\":1}\nhello\n{\"key\":1,\"value\":1,\"more\":0}\n\xff\n\n")
        .unwrap();
    append_raw(&path, b"{\"key\":3,\"value\":2}\n");
    let mut log = Log::<Line>::open(&path).unwrap();
    assert_eq!((keys(&log), log.get(&3).unwrap().value), (vec![3], 1.0));
    let notices = log.take_notices();
    let lines: Vec<_> = notices.iter().map(|notice| notice.split(':').nth(1).unwrap()).collect();
    assert_eq!(lines, ["2", "3", "4", "5", "6"]);
    assert!(notices[4].contains("repeats an earlier record"), "{notices:?}");
}

#[test]
fn what_is_no_log_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes");
    for text in [
        "precious notes",
        "precious notes\n{\"key\":1,\"value\":1}\n",
        "\n",
        "{\"key\":1,\"val",
        "{\"key\":1,\"value\":1}",
    ] {
        std::fs::write(&path, text).unwrap();
        for log in [Log::<Line>::open(&path), Log::<Line>::read(&path)] {
            let error = log.err().unwrap().to_string();
            assert!(error.contains("notes: is not a tuning log: its first line"), "{error}");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn several_writers_lose_and_repeat_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let appended: usize = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4u32)
            .map(|writer| {
                let path = &path;
                scope.spawn(move || {
                    let mut log = Log::open(path).unwrap();
                    // Every key is tried by two writers.
                    let tried = (0..50).map(|key| key + 50 * (writer / 2));
                    tried.filter(|&key| log.append(Line { key, value: f64::from(writer) }).unwrap()).count()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    let log = Log::<Line>::read(&path).unwrap();
    assert_eq!((appended, keys(&log)), (100, (0..100).collect()));
    assert_eq!(log.notices, [""; 0]);
}
