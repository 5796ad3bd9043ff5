//! Kernels written in C, right and wrong in every way the harness should find.

use super::*;

const KERNELS: &str = r#"
#include <riscv_vector.h>
#include <stddef.h>
typedef void *const *args_t;
// args: x[10], y[10]; two tasks of five elements.
void twice(args_t args, float *scratch, size_t task) {
  const float *x = args[0]; float *y = args[1];
  for (size_t i = task * 5; i < task * 5 + 5;) {
    size_t vl = __riscv_vsetvl_e32m1(task * 5 + 5 - i);
    scratch[0] = 2;
    __riscv_vse32_v_f32m1(y + i, __riscv_vfmul_vf_f32m1(__riscv_vle32_v_f32m1(x + i, vl), scratch[0], vl), vl);
    i += vl;
  }
}
void in_place(args_t args, float *scratch, size_t task) { ((float *)args[1])[0] += ((float *)args[0])[1]; }
void past_end(args_t args, float *scratch, size_t task) { ((float *)args[1])[10] = 1; }
void read_past_end(args_t args, float *scratch, size_t task) { ((float *)args[1])[0] = 0 * ((volatile float *)args[0])[10]; }
void before(args_t args, float *scratch, size_t task) { ((float *)args[1])[-1] = 1; }
void to_input(args_t args, float *scratch, size_t task) { ((float *)args[0])[2] = 1; }
void stale(args_t args, float *scratch, size_t task) {
  if (task == 1) scratch[0] = 1;
  for (int i = 0; i < 10; i++) ((float *)args[1])[i] = scratch[0];
}
void vlen_is_256(args_t args, float *scratch, size_t task) {
  for (int i = 0; i < 10; i++) ((float *)args[1])[i] = __riscv_vsetvlmax_e32m1() == 8;
}
"#;

fn object(directory: &Path) -> PathBuf {
    let (source, object) = (directory.join("k.c"), directory.join("k.o"));
    fs::write(&source, KERNELS).unwrap();
    Toolchain::find().unwrap().compile(&source, &object).unwrap();
    object
}

fn ramp() -> Vec<f32> {
    (0..10).map(|i| i as f32 - 3.0).collect()
}

fn case(symbol: &str, expected: Vec<f32>) -> Case {
    Case::new(symbol, symbol).arg(Arg::input(ramp())).arg(Arg::output(expected)).tasks(2).scratch(4)
}

#[test]
fn right_kernels_pass_at_every_vlen() {
    let directory = tempfile::tempdir().unwrap();
    let doubled: Vec<f32> = ramp().iter().map(|x| 2.0 * x).collect();
    let mut holes = doubled.clone();
    holes[5..].fill(POISON);
    let cases = [
        case("twice", doubled),
        case("twice", holes).tasks(1),
        Case::new("in place", "in_place")
            .arg(Arg::Alias { arg: 1, offset: 2 })
            .arg(Arg::InOut { initial: ramp(), expected: [vec![-3.0], ramp()[1..].to_vec()].concat() }),
    ];
    assert_eq!(report(&check(&[&object(directory.path())], &cases).unwrap()), "");
}

#[test]
fn wrong_kernels_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let names = ["past_end", "read_past_end", "before", "to_input", "stale", "twice", "vlen_is_256"];
    let mut cases: Vec<Case> = names.iter().map(|name| case(name, vec![1.0; 10])).collect();
    cases[4].tasks = 3;
    cases.push(case("twice", ramp()).tasks(1));
    let mismatches = check_at(&[&object(directory.path())], &cases, &[128, 256]).unwrap();
    insta::assert_snapshot!(report(&mismatches));
}

#[test]
fn missing_kernels_and_bad_cases_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let object = object(directory.path());
    let error = check(&[&object], &[case("absent", ramp())]).unwrap_err();
    assert!(error.to_string().contains("absent"), "{error}");
    for bad in [
        case("quote\"", ramp()),
        case("twice", ramp()).arg(Arg::Alias { arg: 2, offset: 0 }),
        case("twice", ramp()).arg(Arg::InOut { initial: vec![], expected: ramp() }),
    ] {
        assert!(matches!(check(&[&object], &[bad]), Err(KernelTestError::Case { .. })));
    }
}
