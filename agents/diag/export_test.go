package diag

import "time"

// SurveyEvery sets the time between two surveys of the live picture.
func (o Options) SurveyEvery(d time.Duration) Options {
	o.surveyEvery = d
	return o
}
