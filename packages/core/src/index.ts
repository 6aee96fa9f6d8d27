/** `@kailash-ts/core`: nodes, workflows, and the runtime that runs them. In the order of the data path. */

// Write a workflow down.
export { connectLater, WorkflowBuilder } from './builder.ts';
export type { ConnectLater, InputOf, NodeMap, OutputOf, Produced, StepOptions, TypedRegistry, WorkflowOptions } from './builder.ts';
export { ref } from './handle.ts';
export type { Handle, Ref, Wire } from './handle.ts';
export { Workflow } from './workflow.ts';
export type { EdgeDefinition, GuardDefinition, NodeDefinition, RetryPolicy, WorkflowDefinition } from './definition.ts';
export { formatWorkflow, parseWorkflow, workflowJsonSchema } from './document.ts';
export type { WorkflowFormat } from './document.ts';
export { toMermaid } from './mermaid.ts';

// Make nodes.
export { defineNode } from './define-node.ts';
export type { NodeOptions } from './define-node.ts';
export type { AnyNode, Node, NodeContext, NodeHost, NodeReference, RunInfo, RunStatus } from './node.ts';
export { mergeNode, switchNode } from './branching.ts';
export type { MergeMode, SwitchOperator } from './branching.ts';

// Run.
export { Runtime } from './runtime.ts';
export type { Executable } from './runtime.ts';
export type { ExecuteOptions, ProcessOptions, RuntimeOptions } from './config.ts';
export type { NodeReport, RunResult } from './result.ts';
export type { NodeStatus, RuntimeEventName, RuntimeEvents, RuntimeListener } from './events.ts';
export { sleep, systemClock } from './clock.ts';
export type { Clock, TimerOptions } from './clock.ts';

// Events of one's own.
export { SafeEmitter } from './safe-emitter.ts';
export type { ListenerOf } from './safe-emitter.ts';

// What other packages share: schema checks in the house's manner, suggestions.
export { check, checkAtOnce, formatIssues, jsonSchemaOf, resolveRef, shapeOf } from './schema.ts';
export type { Checked, JsonSchema, SchemaIssue } from './schema.ts';
export { closest, didYouMean } from './suggest.ts';

// Errors.
export {
  CloseError,
  ConfigError,
  DeadlineError,
  KailashError,
  messageOf,
  NodeInputError,
  NodeOutputError,
  NodeStartError,
  NodeTimeoutError,
  ParametersError,
  RegistrationError,
  RunCancelledError,
  RunError,
  RunFailedError,
  RunIdTakenError,
  RunInputError,
  RuntimeClosedError,
  serializeError,
  UnknownNodeError,
  WorkflowError,
  WorkflowSyntaxError,
} from './errors.ts';
export type { KailashErrorOptions, SerializedError, WorkflowProblem } from './errors.ts';
