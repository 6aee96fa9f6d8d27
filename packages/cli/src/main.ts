#!/usr/bin/env node
/** The bin `kailash`. */
import process from 'node:process';
import { runProgram } from './program.ts';

// Handles that the user's code left open (timers, servers) must not keep the command from ending; what it printed is out by then.
void runProgram(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));
