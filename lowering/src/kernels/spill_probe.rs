#[test]
fn probe() {
    for name in std::env::var("PROBE").unwrap().split(',') {
        let kernel: super::Kernel = name.parse().unwrap();
        println!("=== {name}\n{}", super::testing::assembly(&kernel));
    }
}
