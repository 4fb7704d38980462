/** The worker of the browser test: `programs` behind comlink. */
import { serve } from "../../../engine/worker.ts";
import { programs } from "./programs.ts";

serve(programs);
