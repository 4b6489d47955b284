/** What the routes of jobs, schedules and targets answer. */
import { ScheduleView } from "../../lib/protocol/api/schedules.ts";
import { TargetView } from "../../lib/protocol/api/target.ts";
import { JobDetail, JobView, OutcomeLine } from "../../lib/protocol/api/views.ts";
import { made } from "./answers.ts";
import {
  type Answer,
  accepted,
  gone,
  idempotencyKey,
  type Operation,
  ok,
  output,
  stream,
} from "./operation.ts";
import { jobsQuery, query } from "./parameters.ts";

export const jobOperations: Readonly<Record<string, Operation>> = {
  "POST /api/v1/jobs": {
    id: "createJob",
    summary: "Create a job",
    answers: accepted,
    parameters: [idempotencyKey, output],
  },
  "GET /api/v1/session": {
    id: "openSession",
    summary: "Open a WebSocket for many jobs, with the subprotocol `wsctl.client.v1`",
    answers: [
      {
        status: 101,
        what: "The connection is a WebSocket. The AsyncAPI document of `wsctl.client.v1` describes its messages",
      },
    ],
  },
  "GET /api/v1/jobs": {
    id: "listJobs",
    summary: "List jobs, the newest first",
    answers: ok(made.JobPage, "A page of jobs"),
    parameters: jobsQuery,
  },
  "GET /api/v1/jobs/:job_id": {
    id: "getJob",
    summary: "Show a job with its requests",
    answers: ok(JobDetail, "The job"),
  },
  "POST /api/v1/jobs/:job_id/cancel": {
    id: "cancelJob",
    summary: "Cancel queued requests and stop running ones",
    answers: ok(JobDetail, "The job"),
  },
  "POST /api/v1/jobs/:job_id/pause": {
    id: "pauseJob",
    summary: "Send no further requests of a job",
    answers: ok(JobView, "The job"),
  },
  "POST /api/v1/jobs/:job_id/resume": {
    id: "resumeJob",
    summary: "Continue a paused job",
    answers: ok(JobView, "The job"),
  },
  "POST /api/v1/jobs/:job_id/retry": {
    id: "retryJob",
    summary: "Create a job for agents of an earlier one",
    answers: accepted,
    parameters: [idempotencyKey, output],
  },
  "GET /api/v1/jobs/:job_id/outcomes": {
    id: "followOutcomes",
    summary: "Stream the outcomes of a job until it ends",
    answers: [{ ...(stream[0] as Answer), schema: OutcomeLine }],
    parameters: [query("after", "The cursor of the last line that was read.", { type: "integer" })],
  },
  "POST /api/v1/jobs/:job_id/stream": {
    id: "followJob",
    summary: "Stream the outcomes and the live output of a job until it ends",
    answers: stream,
  },
  "POST /api/v1/jobs/:job_id/approve": {
    id: "approveJob",
    summary: "Approve a job of another operator",
    answers: ok(JobView, "The job"),
  },
  "POST /api/v1/schedules": {
    id: "createSchedule",
    summary: "Create a schedule",
    answers: [{ status: 201, what: "The schedule", schema: ScheduleView }],
  },
  "GET /api/v1/schedules": {
    id: "listSchedules",
    summary: "List schedules",
    answers: ok(made.SchedulePage, "All schedules"),
  },
  "GET /api/v1/schedules/:name": {
    id: "getSchedule",
    summary: "Show a schedule",
    answers: ok(ScheduleView, "The schedule"),
  },
  "POST /api/v1/schedules/:name/pause": {
    id: "pauseSchedule",
    summary: "Skip the runs of a schedule",
    answers: ok(ScheduleView, "The schedule"),
  },
  "POST /api/v1/schedules/:name/resume": {
    id: "resumeSchedule",
    summary: "Continue a schedule",
    answers: ok(ScheduleView, "The schedule"),
  },
  "POST /api/v1/schedules/:name/run": {
    id: "runSchedule",
    summary: "Run a schedule now",
    answers: [{ status: 202, what: "The job of the run", schema: made.StartedRun }],
    parameters: [idempotencyKey],
  },
  "DELETE /api/v1/schedules/:name": {
    id: "deleteSchedule",
    summary: "Delete a schedule",
    answers: gone,
  },
  "POST /api/v1/targets": {
    id: "resolveTarget",
    summary: "Show which agents a target selects",
    answers: ok(TargetView, "The agents"),
  },
};
