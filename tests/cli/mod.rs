//! The command line, as somebody at a terminal meets it.

mod add;
mod artifact;
mod cancel;
mod checkpoint;
mod class;
mod config;
mod demo;
mod enqueue;
mod handler;
mod hostile;
mod import;
mod init;
mod job;
mod key;
mod page;
mod progress;
mod queue;
mod retry;
mod serve;
mod shape;
mod web;
