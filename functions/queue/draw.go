package queue

// DrawStage is how far a draw is.
type DrawStage string

const (
	DrawDrawn  DrawStage = "drawn"
	DrawPlaced DrawStage = "placed"
)

type Draw struct{ Stage DrawStage }
