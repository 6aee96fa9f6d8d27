#!/usr/bin/env node
// Stands beside the build, so that a fresh checkout can link it before anything is built.
import '../dist/main.js';
