//! The program `capstan`: what it does is in [`capstan::cli`].

fn main() -> std::process::ExitCode {
    capstan::cli::main()
}
