//! What a model may be called, and what C names are made of it.
//!
//! The object exports `NAME_program`, `_create`, `_input`, `_output`, `_run` and `_destroy`, `ait_weights.S` adds `_weights` and
//! `_weights_end`, and the files are `NAME.h`, `libNAME.a` and so on. None of these may be somebody else's.

/// Beginnings of the symbols and macros of what a program is linked with.
const FAMILIES: [&str; 3] = ["ait", "xnn", "pthreadpool"];

/// What functions of the C library are called before `_create`, `_destroy` or `_run`: glibc, musl and POSIX.
const FUNCTIONS: [&str; 30] = [
    "argz",
    "clnt",
    "cnd",
    "epoll",
    "memfd",
    "mtx",
    "posix_spawn_file_actions",
    "posix_spawnattr",
    "posix_trace",
    "posix_trace_attr",
    "pthread",
    "pthread_attr",
    "pthread_barrier",
    "pthread_barrierattr",
    "pthread_cond",
    "pthread_condattr",
    "pthread_key",
    "pthread_mutex",
    "pthread_mutexattr",
    "pthread_rwlock",
    "pthread_rwlockattr",
    "pthread_spin",
    "sem",
    "svc",
    "thrd",
    "timer",
    "timerfd",
    "tss",
    "wait",
    "xdr",
];

/// Headers without directory of C11, POSIX and glibc. With `-I`, `NAME.h` would be found in their place.
const HEADERS: [&str; 117] = [
    "aio",
    "aliases",
    "alloca",
    "ar",
    "argp",
    "argz",
    "assert",
    "byteswap",
    "complex",
    "cpio",
    "ctype",
    "dirent",
    "dlfcn",
    "elf",
    "endian",
    "envz",
    "err",
    "errno",
    "error",
    "execinfo",
    "fcntl",
    "features",
    "fenv",
    "float",
    "fmtmsg",
    "fnmatch",
    "fpu_control",
    "fstab",
    "fts",
    "ftw",
    "gconv",
    "getopt",
    "glob",
    "grp",
    "gshadow",
    "iconv",
    "ieee754",
    "ifaddrs",
    "inttypes",
    "iso646",
    "langinfo",
    "lastlog",
    "libgen",
    "libintl",
    "limits",
    "link",
    "locale",
    "malloc",
    "math",
    "mcheck",
    "memory",
    "mntent",
    "monetary",
    "mqueue",
    "ndbm",
    "netdb",
    "nl_types",
    "nss",
    "obstack",
    "paths",
    "poll",
    "printf",
    "proc_service",
    "pthread",
    "pty",
    "pwd",
    "re_comp",
    "regex",
    "regexp",
    "resolv",
    "sched",
    "search",
    "semaphore",
    "setjmp",
    "sgtty",
    "shadow",
    "signal",
    "spawn",
    "stab",
    "stdalign",
    "stdarg",
    "stdatomic",
    "stdbool",
    "stddef",
    "stdint",
    "stdio",
    "stdio_ext",
    "stdlib",
    "stdnoreturn",
    "string",
    "strings",
    "stropts",
    "syscall",
    "sysexits",
    "syslog",
    "tar",
    "termio",
    "termios",
    "tgmath",
    "thread_db",
    "threads",
    "time",
    "trace",
    "ttyent",
    "uchar",
    "ucontext",
    "ulimit",
    "unistd",
    "unwind",
    "utime",
    "utmp",
    "utmpx",
    "values",
    "wait",
    "wchar",
    "wctype",
    "wordexp",
];

/// Whether a model may be called so.
///
/// # Errors
/// Says why not, in words that follow the name.
pub fn check_name(name: &str) -> Result<(), String> {
    let lower = name.to_ascii_lowercase();
    let family = FAMILIES.iter().find(|family| {
        lower.strip_prefix(**family).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    });
    if !is_identifier(name) {
        Err("is not a C identifier".into())
    } else if name.starts_with('_') {
        Err("begins with an underscore; C reserves such names".into())
    } else if let Some(family) = family {
        Err(format!("is reserved: so begin the names of {family}, which every program is linked with"))
    } else if FUNCTIONS.contains(&name) {
        Err("is reserved: the model's functions would be those of the C library".into())
    } else if HEADERS.contains(&lower.as_str()) {
        Err(format!("is reserved: {name}.h would be taken for the header of the C library"))
    } else {
        Ok(())
    }
}

pub(crate) fn is_identifier(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// What the macros of a model begin with: its name in capitals. A name that has capitals itself is left as it is, behind
/// a word that no other name begins with: models may differ in capitals alone.
pub(crate) fn macro_prefix(name: &str) -> String {
    if name.contains(|letter: char| letter.is_ascii_uppercase()) {
        return format!("AIT_{name}");
    }
    name.to_ascii_uppercase()
}

/// The include guard of a model's header, which no other header has.
pub(crate) fn include_guard(name: &str) -> String {
    format!("AIT_MODEL_{name}_H")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_refused() {
        for name in [
            "ait",
            "AIT",
            "ait_runtime",
            "Ait_Context",
            "xnn_run",
            "pthreadpool",
            "timer",
            "sem",
            "stdio",
            "Math",
        ] {
            assert!(check_name(name).unwrap_err().starts_with("is reserved"), "{name}");
        }
        for name in ["", "3d", "a-b", "naïve", "a b"] {
            assert!(check_name(name).unwrap_err().contains("not a C identifier"), "{name}");
        }
        assert!(check_name("_net").unwrap_err().contains("underscore"));
        for name in ["net", "aitken", "int", "class", "EOF", "NULL", "main", "net_1", "a", "linux"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn tables_are_sorted() {
        assert!(FUNCTIONS.is_sorted() && HEADERS.is_sorted());
    }

    /// Of the C library that executables are linked with.
    #[test]
    fn tables_are_complete() {
        let root = std::path::Path::new("/usr/riscv64-linux-gnu");
        for entry in root.join("include").read_dir().unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let name = file.strip_suffix(".h").filter(|name| is_identifier(name));
            assert!(name.is_none_or(|name| check_name(name).is_err()), "{file}");
        }
        let libraries = ["libc.a", "libm.a"].map(|library| root.join("lib").join(library));
        let listed =
            std::process::Command::new("llvm-nm-22").args(["-gU", "-j"]).args(libraries).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let suffixes =
            ["_program", "_create", "_input", "_output", "_run", "_destroy", "_weights", "_weights_end"];
        let taken = listed
            .lines()
            .filter_map(|symbol| suffixes.iter().find_map(|suffix| symbol.strip_suffix(suffix)));
        let taken: Vec<&str> = taken.filter(|name| is_identifier(name)).collect();
        assert!(taken.contains(&"sem") && taken.iter().all(|name| check_name(name).is_err()), "{taken:?}");
    }

    #[test]
    fn macros_differ_where_names_do() {
        let names = ["net", "Net", "NET", "nET", "net_", "NET_"];
        let prefixes: std::collections::BTreeSet<_> = names.map(macro_prefix).into();
        let guards: std::collections::BTreeSet<_> = names.map(include_guard).into();
        assert_eq!((prefixes.len(), guards.len()), (names.len(), names.len()));
        assert_eq!(macro_prefix("resnet18"), "RESNET18");
    }
}
