//! Several measurements at a time.

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What `work` makes of all items, in their order, `jobs` of them at the same time. On a terminal a bar shows how many of
/// `steps` are done, which `work` says, and the name of what was begun last.
///
/// # Errors
/// The first one of `work`, after which no further item is begun.
pub fn all<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    steps: u64,
    name: impl Fn(&T) -> String + Sync,
    work: impl Fn(&T, &ProgressBar) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let bar = ProgressBar::new(steps);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} [{elapsed}, {eta} left]") {
        bar.set_style(style);
    }
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Result<R>>>> = Mutex::new(items.iter().map(|_| None).collect());
    let worker = || {
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            items.get(index).map(|item| (index, item))
        } {
            bar.set_message(name(item));
            let result = work(item, &bar);
            if result.is_err() {
                next.store(items.len(), Ordering::Relaxed);
            }
            if let Ok(mut results) = results.lock() {
                results[index] = Some(result);
            }
        }
    };
    std::thread::scope(|scope| {
        (0..jobs.clamp(1, items.len().max(1))).for_each(|_| drop(scope.spawn(worker)));
    });
    bar.finish_and_clear();
    let results = results.into_inner().map_err(|_| anyhow::anyhow!("a measurement died"))?;
    // After an error later items were not begun; it comes first.
    let mut done = Vec::new();
    for result in results.into_iter().flatten() {
        done.push(result?);
    }
    ensure!(done.len() == items.len(), "a measurement is missing");
    Ok(done)
}

/// [`all`], each item a step.
///
/// # Errors
/// As [`all`].
pub fn each<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    name: impl Fn(&T) -> String + Sync,
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    all(items, jobs, items.len() as u64, name, |item, bar| {
        let result = work(item);
        bar.inc(1);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::each;

    #[test]
    fn results_are_in_order_and_errors_end_it() {
        let items: Vec<u32> = (0..20).collect();
        let double = |&item: &u32| Ok(2 * item);
        for jobs in [1, 3, 50] {
            let results = each(&items, jobs, u32::to_string, double).unwrap();
            assert_eq!(results, items.iter().map(|item| 2 * item).collect::<Vec<_>>());
        }
        let fails = |&item: &u32| if item == 7 { anyhow::bail!("item {item}") } else { Ok(item) };
        assert_eq!(each(&items, 2, u32::to_string, fails).unwrap_err().to_string(), "item 7");
        assert_eq!(each(&[], 2, u32::to_string, double).unwrap(), Vec::<u32>::new());
    }
}
