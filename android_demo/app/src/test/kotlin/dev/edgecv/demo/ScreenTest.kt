package dev.edgecv.demo

import kotlin.test.Test
import kotlin.test.assertEquals

class ScreenTest {
    private val ready = Facts(model = Model.Ready(takesPictures = true))
    private val allowed = ready.copy(permission = Permission.GRANTED)

    @Test
    fun `nothing is asked before the model is there`() {
        assertEquals(Screen.Checking, Facts().screen)
        assertEquals(Screen.Checking, Facts(permission = Permission.REFUSED, camera = Camera.Missing).screen)
    }

    @Test
    fun `a broken bundle is said whatever the camera does`() {
        val broken = Facts(Model.Unusable("golden.json was changed", "Export it again"), Permission.GRANTED, Camera.Streaming)
        assertEquals(Screen.Unusable("golden.json was changed", "Export it again"), broken.screen)
    }

    @Test
    fun `a model of tensors needs no camera`() {
        assertEquals(Screen.TakesTensors, Facts(Model.Ready(takesPictures = false)).screen)
    }

    @Test
    fun `a refusal is told apart from one for good`() {
        assertEquals(Screen.NotAllowed(forGood = false), ready.copy(permission = Permission.REFUSED).screen)
        assertEquals(Screen.NotAllowed(forGood = true), ready.copy(permission = Permission.REFUSED_FOR_GOOD).screen)
    }

    @Test
    fun `the camera's fate is shown once it may be used`() {
        assertEquals(Screen.Opening, ready.screen)
        assertEquals(Screen.Opening, allowed.screen)
        assertEquals(Screen.NoCamera, allowed.copy(camera = Camera.Missing).screen)
        assertEquals(Screen.CameraLost("in use"), allowed.copy(camera = Camera.Lost("in use")).screen)
        assertEquals(Screen.Live, allowed.copy(camera = Camera.Streaming).screen)
    }

    @Test
    fun `a refusal while the camera streams stops the picture`() {
        assertEquals(
            Screen.NotAllowed(forGood = false),
            allowed.copy(camera = Camera.Streaming, permission = Permission.REFUSED).screen,
        )
    }
}
