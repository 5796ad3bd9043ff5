//! A network written in C by hand, as an executable and as a library.

use super::*;
use crate::exec::{ExecError, Executor, Job, JobFile, Qemu};
use crate::{Tensor, npy};
use std::time::Duration;

/// y = x + weights, two elements; the kernel runs in two tasks.
const MODEL: &str = r#"
#include "ait_runtime.h"
static void add(void *const *args, float *scratch, size_t task) {
  ((float *)args[2])[task] = ((const float *)args[0])[task] + ((const float *)args[1])[task];
}
static ait_status run(ait_context *ctx, void *const *in, void *const *out, void *arena, const void *weights) {
  void *const args[] = {in[0], (void *)weights, out[0]};
  return ait_parallel(ctx, 0, add, args, 2);
}
static const ait_tensor_desc x = {"x", 1, {2}, 2}, y = {"y", 1, {2}, 2};
static const ait_layer_desc layer = {"add", "rvv.binary", "add", "", 0};
const ait_program tiny_program = {AIT_ABI_VERSION, "tiny", &x, 1, &y, 1, &layer, 1, 0, 0, 8, CHECKSUM, 0, run, 0};
"#;

const APPLICATION: &str = r#"
#include "ait_runtime.h"
extern const ait_program tiny_program;
static const float weights[2] __attribute__((aligned(64))) = {0.5f, -2};
int main(void) {
  ait_context *ctx;
  if (ait_create(&tiny_program, weights, sizeof weights, 2, &ctx)) return 1;
  ait_input(ctx, 0)[0] = 1, ait_input(ctx, 0)[1] = 2;
  ait_status status = ait_run(ctx);
  printf("%g %g\n", ait_output(ctx, 0)[0], ait_output(ctx, 0)[1]);
  ait_destroy(ctx);
  return status;
}
"#;

struct Fixture {
    directory: tempfile::TempDir,
    toolchain: Toolchain,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let weights = [0.5f32, -2.0].map(f32::to_le_bytes).concat();
        let word = u64::from_le_bytes(weights.as_slice().try_into().unwrap());
        let mixed = (0xcbf2_9ce4_8422_2325 ^ word).wrapping_mul(0x100_0000_01b3);
        let checksum = format!("{:#x}", mixed ^ mixed >> 32);
        for (name, text) in SOURCES {
            fs::write(path(name), text).unwrap();
        }
        fs::write(path("tiny.weights"), weights).unwrap();
        fs::write(path("tiny.c"), MODEL.replace("CHECKSUM", &checksum)).unwrap();
        fs::write(path("application.c"), APPLICATION).unwrap();
        npy::write(&path("x.npy"), &Tensor::vector(vec![1.0, 2.0])).unwrap();
        let toolchain = Toolchain::find().unwrap();
        toolchain.compile(&path("tiny.c"), &path("tiny.o")).unwrap();
        Self { directory, toolchain }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn executable(&self, uses_xnnpack: bool) -> PathBuf {
        let (object, weights, output) = (self.path("tiny.o"), self.path("tiny.weights"), self.path("tiny"));
        self.toolchain.build_exe(&object, &weights, "tiny", uses_xnnpack, &output).unwrap();
        output
    }

    fn job(&self, program: PathBuf) -> Job {
        let mut job = Job::new(program);
        job.args = ["--output", "y.npy", "x.npy"].map(Into::into).to_vec();
        job.inputs = vec![JobFile::new("x.npy", self.path("x.npy"))];
        job.outputs = vec![JobFile::new("y.npy", self.path("y.npy"))];
        job
    }
}

#[test]
fn an_executable_answers_and_is_reproducible() {
    let fixture = Fixture::new();
    for uses_xnnpack in [false, true] {
        let program = fixture.executable(uses_xnnpack);
        let first = fs::read(&program).unwrap();
        Qemu::new(256).unwrap().run(&fixture.job(program)).unwrap();
        assert_eq!(npy::read(&fixture.path("y.npy")).unwrap().data(), [1.5, 0.0]);
        assert!(first == fs::read(fixture.executable(uses_xnnpack)).unwrap());
    }
}

#[test]
fn a_core_without_vectors_is_explained() {
    let fixture = Fixture::new();
    let job = fixture.job(fixture.executable(false));
    let error = Qemu::within(Duration::from_secs(30), None).unwrap().run(&job).unwrap_err();
    assert!(matches!(error, ExecError::Exit { code: 3, .. }), "{error}");
    assert!(!fixture.path("y.npy").exists());
}

#[test]
fn a_library_links_into_an_application() {
    let fixture = Fixture::new();
    for uses_xnnpack in [false, true] {
        let (library, program) = (fixture.path("libtiny.a"), fixture.path("application"));
        fixture.toolchain.build_lib(&fixture.path("tiny.o"), uses_xnnpack, &library).unwrap();
        fixture.toolchain.link(&[&fixture.path("application.c"), &library], &program).unwrap();
        let output = Qemu::new(128).unwrap().run(&Job::new(program)).unwrap();
        assert_eq!(output.stdout, b"1.5 0\n");
    }
}

#[test]
fn what_cannot_be_built_is_an_error_and_leaves_the_old_file() {
    let fixture = Fixture::new();
    let (object, weights, output) =
        (fixture.path("tiny.o"), fixture.path("tiny.weights"), fixture.path("out"));
    fs::write(&output, "old").unwrap();
    let build = |object: &Path, model| fixture.toolchain.build_exe(object, &weights, model, false, &output);
    assert!(build(&object, "other").unwrap_err().to_string().contains("other_program"));
    assert!(matches!(build(&object, "a b"), Err(TargetError::Name(_))));
    assert!(matches!(build(Path::new("absent.o"), "tiny"), Err(TargetError::File { .. })));
    // A sparse file: the size alone counts.
    fs::File::create(&weights).unwrap().set_len(MOST_EMBEDDED + 1).unwrap();
    let error = build(&object, "tiny").unwrap_err();
    assert!(matches!(error, TargetError::Embedded(_)) && error.to_string().contains("--emit=obj"), "{error}");
    assert_eq!(fs::read_to_string(&output).unwrap(), "old");
}
