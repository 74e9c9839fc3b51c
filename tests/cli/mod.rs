//! The command line, as somebody at a terminal meets it.

mod artifact;
mod class;
mod config;
mod demo;
mod handler;
mod import;
mod init;
mod job;
mod page;
mod retry;
mod serve;
mod shape;
mod web;
