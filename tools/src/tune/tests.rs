use super::*;
use crate::cli::CoreName;
use ait_passes::cost::{Algorithm, Convolution, Given, Sparsity};
use std::path::Path;

fn target() -> Target {
    Target::named(ait_cores::DEFAULT).unwrap()
}

fn item(ratio: f64) -> Item {
    let convolution = Convolution {
        input: [1, 8, 9, 9],
        filter: [16, 8, 3, 3],
        strides: [1, 1],
        pads: [1; 4],
        dilations: [1, 1],
        groups: 1,
    };
    let layer = Layer { names: vec!["conv".into()], stem: false, shape: convolution };
    items(&[layer], &[ratio]).unwrap().remove(0)
}

fn meter(seconds: u64) -> Meter {
    Meter::new(CoreName::default(), target(), Duration::from_secs(seconds)).unwrap()
}

fn tuned(oracle: &dyn Measure, items: &[Item], budget: usize, path: &Path) -> Vec<Record> {
    let log = Mutex::new(Log::open(path).unwrap());
    Work { target: &target(), items, oracle, log: &log }.run(budget, 2).unwrap();
    let log = log.into_inner().unwrap();
    log.records().cloned().collect()
}

#[test]
fn candidates_are_of_every_kind() {
    let chooser = Chooser::new(target());
    let some = candidates(&chooser, &item(0.0), 8).unwrap();
    assert_eq!(some.len(), 8);
    let best = chooser.choose(&item(0.0).convolution, Sparsity::DENSE, &Given::default()).unwrap().unwrap();
    assert_eq!(some[0], best.choice);
    assert!(
        some.iter()
            .any(|choice| choice.algorithm != best.choice.algorithm || choice.lmul != best.choice.lmul)
    );
    let all = candidates(&chooser, &item(0.0), 1000).unwrap();
    assert!(all.iter().any(|choice| choice.algorithm == Algorithm::Packed));
}

#[test]
fn stems_and_depthwise_convolutions_stay_dense() {
    let shape = item(0.0).convolution;
    let depthwise = Convolution { filter: [8, 1, 3, 3], groups: 8, ..shape.clone() };
    let layers = [
        Layer { names: vec!["stem".into()], stem: true, shape: shape.clone() },
        Layer { names: vec!["depthwise".into()], stem: false, shape: depthwise },
    ];
    let all = items(&layers, &[0.0, 0.5]).unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].names[0].as_str(), all[0].ratio), ("stem", 0.0));
}

/// The fastest candidate computes something else: it is recorded as wrong, and not chosen from the log.
#[test]
fn what_is_wrong_is_never_chosen() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let items = [item(0.0), item(0.5)];
    let right = tuned(&meter(60), &items, 5, &path);
    assert_eq!(right.len(), 10);
    assert!(right.iter().all(|record| record.outcome.cycles().is_some()), "{right:?}");
    let fastest = |records: &[Record]| {
        let of = records.iter().filter(|record| record.key.sparsity.is_dense());
        of.filter_map(|record| Some((record.outcome.cycles()?, record.key.choice))).min().unwrap().1
    };
    let spoiled = fastest(&right);
    let path = directory.path().join("spoiled");
    let mut spoiling = meter(60);
    spoiling.spoiled = Some(spoiled);
    let wrong = tuned(&spoiling, &items, 5, &path);
    let outcome = wrong.iter().find(|record| record.key.choice == spoiled && record.key.sparsity.is_dense());
    assert!(matches!(outcome.unwrap().outcome, Outcome::Wrong(_)), "{outcome:?}");
    let (chooser, notices) = Chooser::with_log(target(), &path).unwrap();
    assert!(notices.is_empty(), "{notices:?}");
    let picked = chooser.choose(&items[0].convolution, Sparsity::DENSE, &Given::default()).unwrap().unwrap();
    assert_ne!(picked.choice, spoiled);
    assert_eq!((picked.oracle, picked.choice), (Oracle::Meter, fastest(&wrong)));
}

#[test]
fn what_takes_too_long_is_recorded_as_that() {
    let choices = candidates(&Chooser::new(target()), &item(0.0), 2).unwrap();
    let meter = Meter::new(CoreName::default(), target(), Duration::from_millis(1)).unwrap();
    let outcomes = meter.measure(&item(0.0), &choices);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::TimedOut(_))), "{outcomes:?}");
}

#[test]
fn the_static_model_measures_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let items = [item(0.0), item(0.5), item(0.75)];
    let oracle = Static { target: target() };
    let records = tuned(&oracle, &items, 12, &directory.path().join("log"));
    assert_eq!(records.len(), 36);
    let summary = Summary::new(Path::new("net.onnx"), &target(), &items, records.iter());
    assert_eq!(summary.unit, "estimated model cycles (spacemit-x60)");
    assert_eq!(summary.model_within_15, Some(1.0));
    assert!(summary.rows.iter().all(|row| row.right == 12 && row.runner_up.is_some()));
    let at = summary.rows[1].cross_over.unwrap();
    assert!((0.0..0.5).contains(&at), "{at}");
    summary.write(&directory.path().join("profile")).unwrap();
    let config = directory.path().join("profile/prune.toml");
    let config = ait_passes::prune::Config::read(&config).unwrap();
    assert_eq!(config.rules.len(), 1);
    assert_eq!(config.rules[0].settings.tile, summary.rows[2].tile);
}

/// Records of two threads are for two threads: one thread ignores them, two take the fastest.
#[test]
fn threads_are_part_of_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (target(), Target { threads: 2, ..target() });
    let items = [item(0.0)];
    let path = directory.path().join("log");
    let measured = |target: &Target| {
        let oracle = Meter::new(CoreName::default(), target.clone(), Duration::from_secs(60)).unwrap();
        let log = Mutex::new(Log::<Record>::open(&path).unwrap());
        Work { target, items: &items, oracle: &oracle, log: &log }.run(3, 1).unwrap();
        let records: Vec<Record> = log.into_inner().unwrap().records().cloned().collect();
        records.into_iter().filter(|record| record.key.threads == target.threads).collect::<Vec<_>>()
    };
    let fastest =
        |records: &[Record]| records.iter().filter_map(|record| record.outcome.cycles()).min().unwrap();
    let (alone, shared) = (measured(&one), measured(&two));
    assert_eq!((alone.len(), shared.len()), (3, 3));
    assert!(fastest(&shared) < fastest(&alone));
    assert!(fastest(&shared) * 2 > fastest(&alone));
    let (chooser, notices) = Chooser::with_log(two, &path).unwrap();
    assert_eq!(notices.len(), 1, "{notices:?}");
    let picked = chooser.choose(&items[0].convolution, Sparsity::DENSE, &Given::default()).unwrap().unwrap();
    assert_eq!((picked.oracle, picked.cycles as u64), (Oracle::Meter, fastest(&shared)));
}
