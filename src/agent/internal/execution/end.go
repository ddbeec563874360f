package execution

import (
	"bytes"
	"encoding/json"
)

// End is how an execution ended, as the END frame carries it.
type End struct {
	ExitCode  *int     `json:"exitCode"`
	Signal    *string  `json:"signal"`
	TimedOut  bool     `json:"timedOut"`
	Cancelled bool     `json:"cancelled"`
	Failure   *Failure `json:"failure,omitempty"`
	Result    any      `json:"result,omitempty"`
	WallMs    float64  `json:"wallMs"`
	CPUMs     float64  `json:"cpuMs"`
	PeakBytes int64    `json:"peakMemoryBytes"`
	OOMKills  uint64   `json:"oomKills"`
	Offset    uint64   `json:"offset"`
}

// Failure is a step that could not be carried out.
type Failure struct {
	Step    int    `json:"step"`
	Op      string `json:"op"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// encode leaves <, > and & as they are: escaped, a large file might not fit into a control frame.
func (e *End) encode() []byte {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return []byte(`{"exitCode":null,"signal":null}`)
	}
	return bytes.TrimRight(buf.Bytes(), "\n")
}
