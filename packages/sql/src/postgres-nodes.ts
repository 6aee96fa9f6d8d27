/**
 * Which nodes of PostgreSQL's parse tree a read-only statement may consist of (libpg-query 18, names as in PostgreSQL's `parsenodes.h`).
 * An allow-list: a node or message that is not named here proves nothing.
 */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Nodes that only compute or read. `FuncCall`, `SelectStmt`, `RangeVar` are looked into. */
export const READ_NODES = words(`
  SelectStmt CommonTableExpr WithClause ResTarget ColumnRef A_Star A_Const A_Expr A_ArrayExpr A_Indices A_Indirection ParamRef
  BoolExpr NullTest BooleanTest SubLink CaseExpr CaseWhen CoalesceExpr MinMaxExpr RowExpr TypeCast TypeName CollateClause NamedArgExpr
  FuncCall SQLValueFunction GroupingFunc GroupingSet SortBy WindowDef SetToDefault
  RangeVar RangeSubselect RangeFunction RangeTableFunc RangeTableFuncCol RangeTableSample JoinExpr Alias ColumnDef
  XmlExpr XmlSerialize
  JsonTable JsonTableColumn JsonTablePathSpec JsonFuncExpr JsonObjectConstructor JsonArrayConstructor JsonArrayQueryConstructor JsonObjectAgg
  JsonArrayAgg JsonAggConstructor JsonKeyValue JsonArgument JsonParseExpr JsonScalarExpr JsonSerializeExpr JsonIsPredicate JsonValueExpr
  JsonBehavior JsonFormat JsonOutput JsonReturning
  List String Integer Float Boolean BitString`);

/** Fields that hold a message of one fixed type, written without its name. */
export const READ_FIELDS = words(`
  larg rarg withClause alias join_using_alias typeName over ival fval boolval sval bsval search_clause cycle_clause collClause
  context_item pathspec on_error on_empty output format returning constructor value expr arg val`);

/** Statements that define, change or drop objects, rights or settings of the database. Others not known are `unknown`. */
export const DDL_STATEMENT =
  /^(?:Create|Alter|Drop|Define|Rename|Truncate|Comment|SecLabel|Grant|Index|Rule|View|CompositeType|Refresh|Reindex|Cluster|Reassign|ImportForeign|ReplicaIdentity)/;

/** Statements that change what belongs to the session alone, or need it. */
export const SESSION_STATEMENTS = words(`
  VariableSetStmt PrepareStmt ExecuteStmt DeallocateStmt DeclareCursorStmt FetchStmt ClosePortalStmt ListenStmt UnlistenStmt LoadStmt
  DiscardStmt LockStmt ConstraintsSetStmt CallStmt DoStmt`);

/** Functions that change what belongs to the session or transaction, or read it. */
export const SESSION_FUNCTION =
  /^(?:currval|lastval|set_config|setseed|pg_(?:try_)?advisory_.*|pg_export_snapshot|cursor_to_xml|cursor_to_xmlschema|lo_(?:open|close|lseek|lseek64|tell|tell64|truncate|truncate64)|loread|lowrite|pg_replication_origin_(?:session|xact)_.*|dblink_(?:connect|connect_u|disconnect|open|fetch|close|exec|send_query|get_result))$/;

/** Built-in functions that write for certain. */
export const WRITING_FUNCTION =
  /^(?:nextval|setval|txid_current|pg_current_xact_id|pg_notify|pg_logical_emit_message|lo_(?:creat|create|unlink|import|export|put|from_bytea))$/;

/** Those of them that are declared stable: the planner runs them for its estimates, even under EXPLAIN. */
export const RUN_WHILE_PLANNED = /txid_current|pg_current_xact_id/;

/**
 * Built-in functions with one argument that are no reads. PostgreSQL lets them be called like columns: `('s'::regclass).nextval`,
 * `f.nextval`. A column of such a name keeps its statement on the primary.
 */
export const CALLED_AS_COLUMN =
  /^(?:nextval|currval|setseed|lo_\w+|txid_status|ts_stat|binary_upgrade_\w+|brin_summarize_new_values|gin_clean_pending_list|pg_(?:(?:try_)?advisory|backup|cancel|create|current_logfile|drop|export|import|log|ls|notify|promote|read|reload|replication_origin|rotate|sequence_last_value|start|stat_file|stat_get_xact|stat_reset|stop|switch|terminate|wal|xact)\w*)$/;

/** Relations that show what only one session has. */
export const SESSION_RELATIONS = words('pg_prepared_statements pg_cursors');
