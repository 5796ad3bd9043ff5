//! From the buffer level to LLVM IR, object, header and weights.

use ait_lowering::{Report, Target, emit_assembly, emit_object, header, read, translate, write_weights};
use melior::Context;
use melior::ir::Module;

/// XNNPACK operators on a 1 x 2 x 2 x 2 image and its flattened product.
const MODEL: &str = r#"
#loc = loc("/conv \"1\"")
module @tiny attributes {ait.arena_bytes = 64 : i64, ait.arena_lower_bound = 32 : i64, ait.weights_bytes = 192 : i64} {
  func.func @main(%x: memref<1x2xf32> {ait.name = "image"}, %y: memref<1x3xf32> {ait.name = "scores", ait.output},
                  %arena: memref<64xi8>) {
    %f = "rvv.constant"() {value = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>, offset = 0 : i64}
      : () -> memref<3x2xf32>
    %b = "rvv.constant"() {value = dense<0.5> : tensor<3xf32>, offset = 64 : i64} : () -> memref<3xf32>
    %c = "rvv.constant"() {value = dense<[[[[1.0, 2.0]], [[3.0, 4.0]]]]> : tensor<1x2x1x2xf32>, offset = 128 : i64}
      : () -> memref<1x2x1x2xf32, strided<[4, 1, 4, 2]>>
    %v = "rvv.view"(%arena) {offset = 16 : i64} : (memref<64xi8>) -> memref<1x3xf32>
    "xnn.fully_connected"(%x, %f, %b, %v) {min = 0.0 : f32, max = 0x7F800000 : f32}
      : (memref<1x2xf32>, memref<3x2xf32>, memref<3xf32>, memref<1x3xf32>) -> () loc(#loc)
    "xnn.unary"(%v, %y) {epilogue = {act = "sigmoid"}} : (memref<1x3xf32>, memref<1x3xf32>) -> ()
    return
  }
}
"#;

fn parse<'c>(context: &'c Context, text: &str) -> Option<Module<'c>> {
    Module::parse(context, text).filter(ait_dialects::verify)
}

#[test]
fn entry_code_calls_the_runtime() {
    let context = ait_dialects::context();
    let module = parse(&context, MODEL).unwrap();
    let program = read(&module).unwrap();
    let llvm = inkwell::context::Context::create();
    let checksum = write_weights(&program, &mut std::io::sink()).unwrap();
    let lowered = translate(&context, &program, checksum, &llvm).unwrap();
    insta::assert_snapshot!(lowered.print_to_string().to_string());
    let target = Target::new().unwrap();
    target.optimize(&lowered).unwrap();
    let object = emit_object(&target, &lowered).unwrap();
    assert_eq!(object, emit_object(&target, &lowered).unwrap());
    assert_eq!(&object[..4], b"\x7fELF");
    let assembly = emit_assembly(&target, &lowered).unwrap();
    for symbol in ["tiny_program", "tiny_create", "tiny_input", "tiny_output", "tiny_run", "tiny_destroy"] {
        assert!(assembly.contains(&format!("\t.globl\t{symbol}")), "{symbol}");
    }
    assert_eq!(assembly.matches("\t.globl\t").count(), 6);
}

#[test]
fn the_header_says_what_the_model_needs() {
    let context = ait_dialects::context();
    let program_module = parse(&context, MODEL).unwrap();
    let program = read(&program_module).unwrap();
    insta::assert_snapshot!(header(&program));
    let report = Report::new(&program, None);
    assert_eq!((report.arena, report.arena_lower_bound, report.weights, report.macs), (64, 32, 192, 6));
}

#[test]
fn weights_are_in_memory_order_at_their_offsets() {
    let context = ait_dialects::context();
    let module = parse(&context, MODEL).unwrap();
    let program = read(&module).unwrap();
    let mut file = Vec::new();
    let checksum = write_weights(&program, &mut file).unwrap();
    let floats: Vec<f32> = file.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(floats.len(), 48);
    assert_eq!(floats[..6], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(floats[16..19], [0.5; 3]);
    assert_eq!(floats[32..36], [1.0, 3.0, 2.0, 4.0]);
    assert_eq!(floats.iter().filter(|&&value| value != 0.0).count(), 13);
    let mut expected = 0xcbf2_9ce4_8422_2325_u64;
    for word in file.chunks(8) {
        expected ^= u64::from_le_bytes(word.try_into().unwrap());
        expected = expected.wrapping_mul(0x0100_0000_01b3);
        expected ^= expected >> 32;
    }
    assert_eq!(checksum, expected);
}

/// Two constants of 2 GiB before a small one, an arena of 6 GiB: offsets beyond 4 GiB.
const LARGE: &str = r#"
module @large attributes {ait.arena_bytes = 6442450944 : i64, ait.arena_lower_bound = 64 : i64,
                          ait.weights_bytes = 4294967360 : i64} {
  func.func @main(%x: memref<1x2xf32>, %y: memref<1x2xf32> {ait.output}, %arena: memref<6442450944xi8>) {
    %0 = "rvv.constant"() {value = dense<1.0> : tensor<536870912xf32>, offset = 0 : i64} : () -> memref<536870912xf32>
    %1 = "rvv.constant"() {value = dense<2.0> : tensor<536870912xf32>, offset = 2147483648 : i64}
      : () -> memref<536870912xf32>
    %w = "rvv.constant"() {value = dense<3.0> : tensor<1x2xf32>, offset = 4294967296 : i64} : () -> memref<1x2xf32>
    %v = "rvv.view"(%arena) {offset = 6442450880 : i64} : (memref<6442450944xi8>) -> memref<1x2xf32>
    "rvv.binary"(%x, %w, %v) {fn = "add", epilogue = {act = "identity"}, lmul = 1 : i64}
      : (memref<1x2xf32>, memref<1x2xf32>, memref<1x2xf32>) -> ()
    "rvv.unary"(%v, %y) {epilogue = {act = "relu"}, lmul = 1 : i64} : (memref<1x2xf32>, memref<1x2xf32>) -> ()
    return
  }
}
"#;

/// Counts what is written.
struct Counter(u64);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn offsets_are_64_bits_wide() {
    let context = ait_dialects::context();
    let module = parse(&context, LARGE).unwrap();
    let program = read(&module).unwrap();
    let llvm = inkwell::context::Context::create();
    let text = translate(&context, &program, 0, &llvm).unwrap().print_to_string().to_string();
    for offset in ["i64 6442450880", "i64 4294967296", "i64 6442450944", "i64 4294967360"] {
        assert!(text.contains(offset), "{offset} is not in {text}");
    }
    let mut counter = Counter(0);
    write_weights(&program, &mut counter).unwrap();
    assert_eq!(counter.0, (4 << 30) + 64);
}

#[test]
fn splats_are_bounded() {
    let context = ait_dialects::context();
    let module = parse(&context, &LARGE.replace("536870912", "536870913")).unwrap();
    assert!(read(&module).unwrap_err().message.contains("equal elements"));
}

#[test]
fn other_levels_are_refused_with_the_remedy() {
    let context = ait_dialects::context();
    let text = "func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }";
    let module = parse(&context, text).unwrap();
    let fault = read(&module).unwrap_err();
    assert_eq!(fault.message, "this is not at the buffer level: run ait-opt with ait-pipeline first");
}
